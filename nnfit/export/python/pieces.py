"""The parts of a standalone Python file: plain functions, of which a file has those that its model needs.

They are texts of Python 3.9 and its standard library, each under the name of the function that it defines. Where
a network has learnt in float32, `{round}` is that rounding, and else nothing.
"""

from __future__ import annotations

CELLS = {
    "cell": '''\
def cell(row, column):
    """What stands in a cell; None where it is missing."""
    value = row[column]
    missing = value is None or value != value or (isinstance(value, str) and value in MISSING)
    return None if missing else value
''',
    "texts": '''\
def texts(row, column):
    """How a cell may be spelled: a whole number as 3 or as 3.0, a missing cell as nothing."""
    value = cell(row, column)
    if value is None:
        return [""]
    whole = isinstance(value, float) and value.is_integer()
    found = [str(int(value)), str(value)] if whole else [str(value)]
    return ["" if text in MISSING else text for text in found]
''',
    "number": '''\
def number(row, column, fill, read, gaps=()):
    """The number in a cell and 0.0; of a missing one what stands in for it, and 1.0."""
    value = cell(row, column)
    if value is None:
        return fill, 1.0
    try:
        found = read(value) if isinstance(value, str) else float(value)
        if isinstance(value, bool) or not isfinite(found):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"column {column!r}: expected a number, got {value!r}") from None
    return (fill, 1.0) if found in gaps else (found, 0.0)
''',
    "plain": '''\
def plain(text, decimal={decimal}):
    """The number that a text spells, as 1234.5 or 1.2e-3."""
    if decimal != ".":
        text = text.replace(".", "?").replace(decimal, ".")
    if not re.fullmatch(r"[ \\t]*[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?[ \\t]*", text):
        raise ValueError
    return float(text)
''',
    "spelled": '''\
def spelled(text, thousands, decimal, prefix, suffix):
    """The number that a text spells, as $1,234.50 or (5 %): groups of three digits, a minus or parentheses, a unit."""
    blanks = {spaces}
    blank, mark, sign = f"[{blanks}]*", re.escape(decimal), "[+\\u2212-]?"
    grouped = ""
    if thousands:
        grouped = rf"[1-9][0-9]{{0,2}}(?P<group>[{thousands}])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*(?:{mark}[0-9]*)?|"
    digits = rf"(?P<digits>{grouped}(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    form = f"(?P<outer>{sign}){blank}{re.escape(prefix)}{blank}(?P<inner>{sign}){blank}"
    form += rf"(?P<open>\\(?){blank}{digits}{blank}(?P<close>\\)?){blank}{re.escape(suffix)}"
    body = text.strip(blanks)
    enclosed = body[:1] == "(" and body[-1:] == ")"
    match = re.fullmatch(form, body[1:-1].strip(blanks) if enclosed else body)
    if not match or bool(match["open"]) != bool(match["close"]):
        raise ValueError
    signs = match["outer"] + match["inner"] + match["open"] + "(" * enclosed
    if len(signs) > 1:
        raise ValueError
    value = float(re.sub(f"[{thousands}]" if thousands else "$", "", match["digits"]).replace(decimal, "."))
    return -value if signs not in ("", "+") else value
''',
    "truth": '''\
def truth(row, column, fill):
    """1.0 for true, 0.0 for false, and whether it is missing, as of `number`."""
    text = texts(row, column)[0]
    if not text:
        return fill, 1.0
    word = text.strip().lower()
    if word in {true}:
        return 1.0, 0.0
    if word in {false}:
        return 0.0, 0.0
    raise ValueError(f"column {column!r}: expected true or false, got {text!r}")
''',
    "days": '''\
def days(row, column, fill, read):
    """The days since 1970-01-01 and 0.0; of a missing cell what stands in for them, and 1.0."""
    value = cell(row, column)
    if value is None or str(value) in MISSING:
        return fill, 1.0
    try:
        moment = value if isinstance(value, date) else read(str(value))
        if not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp() / 86400, 0.0
    except (ValueError, OverflowError):
        raise ValueError(f"column {column!r}: expected a date, got {value!r}") from None
''',
    "iso": '''\
def iso(text):
    """A date as ISO 8601 has it, 2024-12-31, 20241231 or 2024-W53-2, with a time and its zone, or without.

    It is written out, as fromisoformat knows little of it before Python 3.11.
    """
    match = re.fullmatch(
        "(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})(?![0-9])|(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
        "|(?P<a>-?)W(?P<week>[0-9]{2})(?:(?P=a)(?P<weekday>[0-9]))?)"
        "(?:.(?P<hour>[0-9]{2})(?:(?P<b>:?)(?P<minute>[0-9]{2})(?:(?P=b)(?P<second>[0-9]{2}))?)?"
        "(?:[.,](?P<fraction>[0-9]+))?"
        "(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2})(?:(?P<c>:?)(?P<minutes>[0-9]{2})(?:(?P=c)(?P<seconds>[0-9]{2}))?)?)?)?",
        text.strip(),
        re.DOTALL,
    )
    if not match:
        raise ValueError
    part = match.groupdict("0")
    if match["week"]:
        day = date.fromisocalendar(int(part["year"]), int(part["week"]), int(match["weekday"] or 1))
    else:
        day = date(int(part["year"]), int(match["month"] or part["m"]), int(match["day"] or part["d"]))
    ahead = timedelta(hours=int(part["hours"]), minutes=int(part["minutes"]), seconds=int(part["seconds"]))
    zone = timezone(-ahead if part["sign"] == "-" else ahead)
    clock = [int(part[name]) for name in ("hour", "minute", "second")]
    return datetime(day.year, day.month, day.day, *clock, int(part["fraction"][:6].ljust(6, "0")), zone)
''',
    "one_hot": '''\
def one_hot(row, column, categories, rare=(), unknown="error"):
    """One input for each category, 1 for that of the row; those that were rare share one more."""
    for text in texts(row, column):
        if text in categories or text in rare:
            return [float(text == each) for each in categories] + [float(text in rare)] * bool(rare)
    if unknown == "error":
        raise ValueError(f"column {column!r}: the training rows have no {repr(text) if text else 'missing cell'}")
    return [0.0] * (len(categories) + bool(rare))
''',
}

NUMBERS = {
    "logarithm": '''\
def logarithm(value):
    """sign(x) log(1 + |x|)."""
    return copysign(log1p(abs(value)), value)
''',
    "clipped": '''\
def clipped(z):
    """z / √(1 + (z/3)²), which stays within ±3."""
    z = min(max(z, -{square}), {square})
    return z / sqrt(1 + (z / 3) ** 2)
''',
    "normal_score": '''\
def normal_score(value, quantiles):
    """Φ⁻¹ of the share of training rows below the value, between their quantiles."""
    last = len(quantiles) - 1
    score = [NormalDist().inv_cdf(min(max(k / last, 1e-3), 1 - 1e-3)) for k in range(last + 1)]
    above, below = bisect_left(quantiles, value), bisect_right(quantiles, value) - 1
    if above <= below:  # the value is a quantile, or several
        return (score[above] + score[below]) / 2
    if below < 0 or above > last:
        return score[0] if below < 0 else score[last]
    share = (value - quantiles[below]) / (quantiles[above] - quantiles[below])
    return score[below] + (score[above] - score[below]) * share
''',
    "bins": '''\
def bins(value, edges):
    """For each bin how far the value has come through it: 0 before, 1 behind."""
    return [
        min(max((value - low) / (high - low), 0.0), 1.0) if high > low else float(value >= high)
        for low, high in zip(edges, edges[1:])
    ]
''',
    "steps": '''\
def steps(z, knots, A):
    """A (min(1, max(0, (z − b_t) / (b_{t+1} − b_t))) − ½) of the knots b; the first and last go on behind the ends."""
    found, last = [], len(knots) - 2
    for t, (low, high) in enumerate(zip(knots, knots[1:])):
        share = {round}({round}(z - low) / {round}(high - low))
        share = min(max(share, -1.0 if t == 0 else 0.0), 2.0 if t == last else 1.0)
        found.append({round}({round}(share - 0.5) * A))
    return found
''',
    "waves": '''\
def waves(z, frequencies, A):
    """A cos 2π f z of all frequencies f, then A sin 2π f z."""
    angles = [{round}(z * {round}(2 * pi * f)) for f in frequencies]
    if not all(map(isfinite, angles)):
        raise OverflowError
    return [{round}(wave(angle) * A) for wave in ({cosine}, {sine}) for angle in angles]
''',
    "cosine": '''\
def cosine(angle):
    """cos in 32 bits."""
    return around(angle, 1) if abs(angle) <= 71476.0625 else float32(cos(angle))
''',
    "sine": '''\
def sine(angle):
    """sin in 32 bits."""
    return around(angle, 0) if abs(angle) <= 117435.992 else float32(sin(angle))
''',
    "around": '''\
def around(angle, quarters):
    """sin(angle + quarters · π/2) in 32 bits, to the last of them as NumPy computes it: the network has learnt that.

    By Taylor's series in what is left of the angle beside the nearest multiple of π/2, with all but exact coefficients.
    """
    turns = round(float32(angle * 0.6366197466850281))  # 2/π
    r = angle
    for part in (1.570796012878418, 3.1391647326017846e-07, 5.390302529957765e-15):  # of π/2
        r = float32(r - turns * part)
    square, turns = float32(r * r), turns + quarters
    if turns % 2:
        value = 2.4372266125283204e-05
        for coefficient in (-0.001388652017340064, 0.04166661947965622, -0.5, 1.0):
            value = float32(value * square + coefficient)
    else:
        value = 2.8404097065504175e-06
        for coefficient in (-0.00019856491417158395, 0.008333397097885609, -0.1666666716337204):
            value = float32(value * square + coefficient)
        value = float32(float32(value * square) * r + r)
    return -value if turns % 4 > 1 else value
''',
    "calendar": '''\
def calendar(days, moments):
    """Year, month, weekday (Monday is 0) and days, standardised; month and weekday as points on the circle."""
    day = date.fromordinal(date(1970, 1, 1).toordinal() + floor(days))
    straight = [day.year, day.month, day.weekday(), days]
    angles = [2 * pi * (day.month - 1) / 12, 2 * pi * day.weekday() / 7]
    circle = [wave(angle) for angle in angles for wave in (sin, cos)]
    return [(value - mean) / sd for value, (mean, sd) in zip(straight, moments)] + circle
''',
    "float32": '''\
def float32(value):
    """The nearest number of 32 bits: the precision of what the network has learnt from."""
    return array("f", [value])[0]
''',
}

NETWORK = {
    "weighted_sums": '''\
def weighted_sums(Theta, a):
    """z = Θ a, where a begins with the bias unit 1."""
    a = [1.0, *a]
    return [sum(weight * value for weight, value in zip(neuron, a)) for neuron in Theta]
''',
    "logistic": '''\
def logistic(z):
    """1 / (1 + e^−z); below −80, where it is 10⁻³⁵, the exponential would grow too large."""
    return 1 / (1 + exp(-max(z, {low})))
''',
    "elu": '''\
def elu(z, alpha):
    """z if z > 0, else α (e^z − 1)."""
    return max(z, 0.0) + alpha * expm1(min(z, 0.0))
''',
    "selu": '''\
def selu(z):
    """λ z if z > 0, else λ α (e^z − 1)."""
    z = min(z, {most})
    return {scale} * (max(z, 0.0) + {alpha} * expm1(min(z, 0.0)))
''',
    "gelu": '''\
def gelu(z):
    """z s(u), u = √(8/π) (z + 0.044715 z³), with s the logistic function; beyond ±10 it is z or 0."""
    z = max(z, -{beyond})
    near = min(z, {beyond})
    return z * logistic({steep} * near * (1 + {cube} * near * near))
''',
    "silu": '''\
def silu(z):
    """z / (1 + e^−z)."""
    z = max(z, {low})
    return z * logistic(z)
''',
    "mish": '''\
def mish(z):
    """z tanh log(1 + e^z), where tanh log(1 + e) = n / (n + 2) of n = e (e + 2)."""
    z = max(z, {low})
    e = exp(min(z, {far}))
    n = e * (e + 2)
    return z * n / (n + 2)
''',
    "softplus": '''\
def softplus(z):
    """log(1 + e^z)."""
    return max(z, 0.0) + log1p(exp(-abs(z)))
''',
    "softmax": '''\
def softmax(z):
    """e^z_k / Σ e^z_j, from z − max z, so that nothing overflows."""
    largest = max(z)
    powers = [exp(value - largest) for value in z]
    total = sum(powers)
    return [power / total for power in powers]
''',
    "tempered": '''\
def tempered(p, T):
    """p^(1/T), normalised: probabilities that mean what they say (temperature scaling)."""
    powers = [min(max(each, {epsilon}), 1 - {epsilon}) ** (1 / T) for each in p]
    total = sum(powers)
    return [power / total for power in powers]
''',
}

MAIN = '''\
def main():
    """Read rows as CSV from a file that is named, or from standard input; write their predictions as CSV."""
    sys.stdout.reconfigure(encoding="utf-8", newline="")
    try:
        file = open(sys.argv[1] if len(sys.argv) > 1 else 0, encoding={encoding}, newline="")
    except OSError as error:
        sys.exit(str(error))
    with file:
        rows = csv.reader(file, delimiter={separator}, strict=True)
        out = csv.writer(sys.stdout, lineterminator="\\n")
        done = blank = 0
        try:
            header = next(rows, None)
            if header is None:
                sys.exit("the file is empty; expected a header and rows")
            if not header:
                raise ValueError("a header is needed, and this line is blank")
            if len(set(header)) < len(header):
                raise ValueError("a column is there twice")
            for cells in rows:
                if not cells:
                    blank = blank or rows.line_num
                elif blank:
                    sys.exit(f"line {blank}: a blank line stands between the rows")
                elif len(cells) != len(header):
                    raise ValueError(f"{len(cells)} cells, but the header has {len(header)}")
                else:
                    found = predict(dict(zip(header, cells)))
                    if not done:
                        out.writerow(found)
                    out.writerow(found.values())
                    done += 1
            if not done:
                raise ValueError("a header but no rows")
        except (ValueError, csv.Error) as error:
            sys.exit(f"line {rows.line_num}: {error}")


if __name__ == "__main__":
    main()
'''
