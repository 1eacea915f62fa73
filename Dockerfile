# nnfit, its pages and pictures, and the files of Arrow, for whoever runs it with a folder of data:
#   docker build -t nnfit .
#   docker run --rm --read-only --user "$(id -u):$(id -g)" -v "$PWD:/work" nnfit train my.yaml
# Nothing is written but the outputs, in /work: no folder needs a tmpfs.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY . .
# The versions that nnfit is tested with; bytecode is made here, since nothing can write it later.
RUN python -m venv /opt/nnfit \
 && /opt/nnfit/bin/pip install --no-cache-dir --compile --constraint constraints.txt '.[report,arrow]'

FROM python:${PYTHON}-slim
COPY --from=build /opt/nnfit /opt/nnfit
ENV PATH=/opt/nnfit/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# As nobody if docker run names no --user; a folder that is mounted must then be writable for it.
USER 65534:65534
WORKDIR /work
ENTRYPOINT ["nnfit"]
CMD ["--help"]
