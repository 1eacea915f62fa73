"""Work spread over the cores of the machine: how many there are, threads, and processes that share memory."""
