#!/usr/bin/env python3
"""Works out reference values from the published formulas, in decimals of 40 digits.

Written from the sources and sharing nothing with Isobar: a second opinion, to be compared with what
its code says.

    python3 reference.py > reference.json
"""
import json
import math
from decimal import Decimal as D, getcontext
from statistics import NormalDist

getcontext().prec = 40
Z = D("1.959963984540054235524594430520551527955550")  # the normal quantile of 0.975


def num(x):
    return float(x)


# ITU-T G.107 (06/2015), Annex B, and 7-27, 7-28, 7-29; BurstR is 1 for random loss.

def mos(r):
    if r <= 0:
        return D(1)
    if r >= 100:
        return D("4.5")
    return max(D(1), 1 + D("0.035") * r + r * (r - 60) * (100 - r) * D("0.000007"))


def delay_g107(ms):
    if ms <= 100:
        return D(0)
    x = (ms / 100).ln() / D(2).ln()
    sixth = D(1) / 6
    return 25 * ((1 + x**6) ** sixth - 3 * (1 + (x / 3) ** 6) ** sixth + 2)


def log10(x):
    return x.log10()


# G.107 with the default values of Table 3: what noise and loudness leave, and echo.

SLR, RLR, STMR, DS, DR, PS, PR, NC, NFOR, TELR, WEPL = (
    D(x) for x in (8, 2, 15, 3, 3, 35, 35, -70, -64, 65, 110))


def noise():  # 7-4 to 7-7
    olr, lstr = SLR + RLR, STMR + DR
    room = PR + 10 * log10(1 + 10 ** ((10 - lstr) / 10))
    sources = (NC, PS - SLR - DS - 100 + D("0.004") * (PS - olr - DS - 14) ** 2,
               RLR - 121 + room + D("0.008") * (room - 35) ** 2, NFOR + RLR)
    return 10 * log10(sum(10 ** (source / 10) for source in sources))


def signal_to_noise():  # 7-3
    return 15 - D("1.5") * (SLR + noise())


def simultaneous(ms):  # 7-8 to 7-17
    olr = SLR + RLR
    x = olr + D("0.2") * (64 + noise() - RLR)
    loud = 20 * ((1 + (x / 8) ** 8) ** (D(1) / 8) - x / 8)
    st = -10 * log10(10 ** (-STMR / 10) + (-ms / 4).exp() * 10 ** (-TELR / 10))
    side = (12 * (1 + abs((st - 13) / 6) ** 8) ** (D(1) / 8)
            - 28 * (1 + ((st + 1) / D("19.4")) ** 35) ** (D(1) / 35)
            - 13 * (1 + ((st - 3) / 33) ** 13) ** (D(1) / 13) + 29)
    q = D(37)  # qdu 1
    g = D("1.07") + D("0.258") * q + D("0.0602") * q * q
    y = (signal_to_noise() - 100) / 15 + D(46) / D("8.4") - g / 9
    z = D(46) / 30 - g / 40
    return loud + side + 15 * log10(1 + 10 ** y + 10 ** z)


def talker_echo(ms, telr=TELR):  # 7-21 to 7-24; not under 0
    if ms < 1:
        return D(0)
    terv = telr - 40 * log10((1 + ms / 10) / (1 + ms / 150)) + 6 * (-D("0.3") * ms * ms).exp()
    roe, re = -D("1.5") * (noise() - RLR), 80 + D("2.5") * (terv - 14)
    half = (roe - re) / 2
    return max(D(0), (half + (half * half + 100).sqrt() - 1) * (1 - (-ms).exp()))


def listener_echo(ms, wepl=WEPL):  # 7-25, 7-26
    half = (signal_to_noise() - D("10.5") * (wepl + 7) * (ms + 1) ** (-D(1) / 4)) / 2
    return half + (half * half + 169).sqrt()


def rating_g107(ms):
    impaired = talker_echo(ms) + listener_echo(2 * ms) + delay_g107(ms)
    return signal_to_noise() - simultaneous(ms) - impaired


def delay_simplified(ms):
    return D("0.024") * ms + D("0.11") * max(D(0), ms - D("177.3"))


def loss_impairment(ie, bpl, percent):
    return ie + (95 - ie) * percent / (percent + bpl)


def burst_loss_impairment(ie, bpl, percent, burst):
    return ie + (95 - ie) * percent / (percent / burst + bpl)


# rtcscore: clamp(0.56 ln(cf · bit/s / pixels / fps) + 5.36, 1, 5) − 1.9 ln(30 / fps) − 0.002 delay.

def video_mos(factor, bit_rate, pixels, fps, delay):
    bits = factor * bit_rate / pixels / fps
    base = min(D(5), max(D(1), D("0.56") * bits.ln() + D("5.36")))
    return min(D(5), max(D(1), base - D("1.9") * (30 / fps).ln() - D("0.002") * delay))


def video_cases():
    codecs = {"video/VP8": "1", "video/VP9": "1.2", "video/AV1": "1.43"}
    return [
        [codec, bit_rate, pixels, fps, delay,
         num(video_mos(D(factor), D(bit_rate), D(pixels), D(fps), D(delay)))]
        for codec, factor in codecs.items()
        for bit_rate in (30_000, 600_000, 2_500_000)
        for pixels in (320 * 180, 640 * 480, 1920 * 1080)
        for fps in (4, 15, 30)
        for delay in (0, 25, 400)
    ]


CODECS = {"G.711": (0, "4.3"), "G.711 with PLC": (0, "25.1"), "G.729A with VAD": (11, "19")}


def e_model():
    rs = ["-5", "0", "1", "3.222", "6.5", "10", "25", "50", "60", "70", "80", "90", "93.2", "100", "120"]
    delays = ["0", "20", "100", "100.1", "150", "177.3", "200", "400", "1000", "3000"]
    losses = ["0", "0.1", "1", "5", "20", "50", "100"]
    return {
        "mos": [[num(r), num(mos(D(r)))] for r in rs],
        "delay_g107": [[num(d), num(delay_g107(D(d)))] for d in delays],
        "talker_echo": [[num(d), float(t), num(talker_echo(D(d), D(t)))]
                        for d in delays for t in (65, 45, 20)],
        "listener_echo": [[num(d), float(w), num(listener_echo(D(d), D(w)))]
                          for d in delays for w in (110, 50, 20)],
        "rating_g107": [[num(d), num(rating_g107(D(d)))] for d in delays],
        "delay_simplified": [[num(d), num(delay_simplified(D(d)))] for d in delays],
        "loss": [
            [ie, num(bpl), num(p), num(loss_impairment(D(ie), D(bpl), D(p)))]
            for ie, bpl in CODECS.values() for p in losses
        ],
        "burst_loss": [
            [ie, num(bpl), num(p), burst,
             num(burst_loss_impairment(D(ie), D(bpl), D(p), D(burst)))]
            for ie, bpl in CODECS.values() for p in losses for burst in (1, 2, 8)
        ],
    }


# Wilson (1927): the roots of (p − k/n)² = z² p (1 − p) / n.

def wilson(share, w):
    middle = share + w / 2
    root = (w * share * (1 - share) + w * w / 4).sqrt()
    return (middle - root) / (1 + w), (middle + root) / (1 + w)


def wilson_cases():
    cases = [(0, 1), (0, 10), (1, 10), (10, 10), (5, 100), (50, 1000), (500, 10000), (999, 1000), (3, 1000000)]
    return [[k, n, *map(num, wilson(D(k) / n, Z * Z / n))] for k, n in cases]


# Clopper and Pearson (1934): the share with which so few cases or fewer have a chance of 2.5 %. For
# trials that are no whole number the binomial coefficients are those of the gamma function.

def exact_upper(cases, trials):
    k = int(cases.to_integral_value(rounding="ROUND_CEILING"))
    if k >= trials:
        return D(1)
    low, high = D(0), D(1)
    for _ in range(100):
        share = (low + high) / 2
        term = (trials * (1 - share).ln()).exp()
        chance = term
        for i in range(k):
            term = term * (trials - i) / (i + 1) * share / (1 - share)
            chance += term
        low, high = (share, high) if chance > D("0.025") else (low, share)
    return high


def exact_cases():
    cases = [("0", "1"), ("0", "10"), ("0", "4000"), ("1", "10"), ("2.3", "100.5"), ("3", "4000"), ("4.9", "55.5"), ("3", "1000000"), ("7", "7")]
    return [[float(k), float(n), num(exact_upper(D(k), D(n)))] for k, n in cases]


# Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 4.14, without correction.

def sample_size(p, q, power):
    z = D(NormalDist().inv_cdf(power))
    same = (2 * ((p + q) / 2) * (1 - (p + q) / 2)).sqrt()
    other = (p * (1 - p) + q * (1 - q)).sqrt()
    return ((Z * same + z * other) / (p - q)) ** 2


def sample_sizes():
    cases = [(".05", ".06", .8), (".05", ".07", .8), (".05", ".10", .8), (".05", ".06", .9), (".2", ".25", .95)]
    return [[float(p), float(q), w, int(sample_size(D(p), D(q), w).to_integral_value())] for p, q, w in cases]


def percentile_sizes():
    """By trying: the least n with 1 − levelⁿ − (1 − level)ⁿ ≥ 0.95."""
    sizes = []
    for level in (".5", ".6", ".75", ".9", ".95", ".99", ".999", ".1"):
        n = 1
        while 1 - D(level)**n - (1 - D(level))**n < D(".95"):
            n += 1
        sizes.append([float(level), n])
    return sizes


def student(freedom):
    """The t quantile of 0.975, by Simpson's rule on the density and bisection."""
    c = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda t: c * (1 + t * t / freedom) ** (-(freedom + 1) / 2)

    def mass(t, steps=2000):
        h = t / steps
        odd = sum(density(h * i) for i in range(1, steps, 2))
        even = sum(density(h * i) for i in range(2, steps, 2))
        return h / 3 * (density(0) + 4 * odd + 2 * even + density(t))

    low, high = 1.9, 2.6
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if mass(middle) < 0.475 else (low, middle)
    return low


def estimate(sessions):
    """Cochran, Sampling Techniques, 6.4: from the residuals, not from sums of squares."""
    n, x, y = len(sessions), D(sum(p for p, _ in sessions)), D(sum(w for _, w in sessions))
    r = x / y
    squares = [(p - r * w) ** 2 for p, w in sessions]
    variance = D(n) / (n - 1) * sum(squares) / y**2
    effective = y**2 / sum(w * w for _, w in sessions)
    behind = sum(squares) ** 2 / sum(e * e for e in squares) if any(squares) else effective
    freedom = min(behind, effective - 1, D(60))
    t = D(student(float(freedom)))
    mean = (r - t * variance.sqrt(), r + t * variance.sqrt())
    spread = r * (1 - r)
    if effective * min(r, 1 - r) < 5:
        share = [None, num(exact_upper(effective * r, effective))]
    else:
        share = [*map(num, wilson(r, t * t * variance / spread))]
    return [num(effective), num(r), num(variance.sqrt()), num(freedom), [*map(num, mean)], share]


def estimates():
    """Sessions that everybody can make again: a multiplicative generator (Park and Miller)."""
    cases = []
    for seed, n, never_poor in ((1, 250, 3), (2, 1000, 9), (3, 400, 10), (4, 150, 9)):
        state, sessions = seed, []
        for _ in range(n):
            state = state * 48271 % 2147483647
            whole = 1_000_000 + state % 600_000_000
            state = state * 48271 % 2147483647
            part = whole * (state % 1000) // 1000 if state // 1000 % 10 >= never_poor else 0
            sessions.append((part, whole))
        cases.append([seed, n, never_poor, *estimate(sessions)])
    return cases


print(json.dumps({
    "video": video_cases(),
    "e_model": e_model(),
    "wilson": wilson_cases(),
    "exact_upper_limit": exact_cases(),
    "sample_size": sample_sizes(),
    "percentile_sample_size": percentile_sizes(),
    "normal_quantile": [[p, NormalDist().inv_cdf(p)] for p in (1e-9, .001, .074, .3, .5, .8, .9, .975, .9999)],
    # Newcombe, Statistics in Medicine 17 (1998), 873–890, Table II, method 10; four digits.
    "newcombe": [
        [56, 70, 48, 80, 0.0524, 0.3339],
        [9, 10, 3, 10, 0.1705, 0.8090],
        [6, 7, 2, 7, 0.0582, 0.8062],
        [5, 56, 0, 29, -0.0381, 0.1926],
        [0, 10, 0, 20, -0.1611, 0.2775],
        [0, 10, 0, 10, -0.2775, 0.2775],
        [10, 10, 0, 20, 0.6791, 1.0],
        [10, 10, 0, 10, 0.6075, 1.0],
    ],
    "estimate": estimates(),
}, indent=1))
