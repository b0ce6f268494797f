-- Statistics for benchmarks. The unit is the session: what one session tells goes together, so its
-- intervals count as one observation. docs/reference/statistics.md says what each function is for.
-- The Rust crate `dashboard` computes the same, and a test holds both against each other.

-- Two-sided 95 %: the standard normal quantile of 0.975.
CREATE OR REPLACE FUNCTION isobar_z AS () -> 1.959963984540054;

-- The fewest effective sessions that an interval is told for.
CREATE OR REPLACE FUNCTION isobar_minimum_sessions AS () -> 100;

-- Student's t quantile of 0.975 for `freedom` degrees of freedom (Cornish and Fisher's expansion
-- around the normal quantile, 26.7.5 in Abramowitz and Stegun); 10⁻⁵ off at 100.
CREATE OR REPLACE FUNCTION isobar_t AS (freedom) ->
    isobar_z() + (pow(isobar_z(), 3) + isobar_z()) / (4 * freedom)
    + (5 * pow(isobar_z(), 5) + 16 * pow(isobar_z(), 3) + 3 * isobar_z()) / (96 * freedom * freedom);

-- Wilson's score interval around `share`, where the normal interval would have the half width
-- sqrt(w · share · (1 − share)): w is z² / n for n independent observations.
CREATE OR REPLACE FUNCTION isobar_wilson_limits AS (share, w) ->
    arrayMap(
        (s, v) -> CAST(
            (
                if(s <= 0, 0., (s + v / 2 - sqrt(v * s * (1 - s) + v * v / 4)) / (1 + v)),
                if(s >= 1, 1., (s + v / 2 + sqrt(v * s * (1 - s) + v * v / 4)) / (1 + v))
            ),
            'Tuple(lower Nullable(Float64), upper Nullable(Float64))'
        ),
        [share], [w]
    )[1];

-- The share of `successes` among `trials` independent ones, with Wilson's 95 % interval.
CREATE OR REPLACE FUNCTION isobar_wilson AS (successes, trials) ->
    arrayMap(
        (share, limits) -> CAST(
            (share, limits.lower, limits.upper),
            'Tuple(share Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64))'
        ),
        [successes / nullIf(trials, 0)],
        [isobar_wilson_limits(successes / nullIf(trials, 0), pow(isobar_z(), 2) / nullIf(trials, 0))]
    )[1];

-- Aggregates Σ part / Σ whole over rows of one session each, with the standard error of the ratio
-- estimator: the residuals part − ratio · whole are what varies (Cochran, Sampling Techniques,
-- 6.4). Sums and squares are whole numbers to the end, so the order of rows cannot show. Rows
-- without a `whole` are no observations. Effective sessions are (Σ whole)² / Σ whole² (Kish): as
-- many sessions of the same length would tell as much.
CREATE OR REPLACE FUNCTION isobar_ratio_estimate AS (part, whole) ->
    arrayMap(
        (n, x, y, xx, xy, yy) -> CAST(
            (
                n,
                pow(toFloat64(y), 2) / toFloat64(nullIf(yy, 0)),
                toFloat64(x) / toFloat64(nullIf(y, 0)),
                sqrt(n / nullIf(n - 1, 0) * toFloat64(y * y * xx - 2 * x * y * xy + x * x * yy))
                    / pow(toFloat64(nullIf(y, 0)), 2)
            ),
            'Tuple(sessions UInt64, effective_sessions Nullable(Float64), ratio Nullable(Float64), standard_error Nullable(Float64))'
        ),
        [countIf(whole > 0)],
        [toInt256(sumIf(toInt128(part), whole > 0))],
        [toInt256(sumIf(toInt128(whole), whole > 0))],
        [toInt256(sumIf(toInt128(part) * part, whole > 0))],
        [toInt256(sumIf(toInt128(part) * whole, whole > 0))],
        [toInt256(sumIf(toInt128(whole) * whole, whole > 0))]
    )[1];

-- Aggregates rows of one session each to a mean, Σ part / Σ whole, with a 95 % interval.
CREATE OR REPLACE FUNCTION isobar_mean AS (part, whole) ->
    arrayMap(
        (e, enough) -> CAST(
            (
                e.sessions, e.effective_sessions, e.ratio, e.standard_error,
                if(enough, e.ratio - isobar_t(e.effective_sessions - 1) * e.standard_error, NULL),
                if(enough, e.ratio + isobar_t(e.effective_sessions - 1) * e.standard_error, NULL),
                enough
            ),
            'Tuple(sessions UInt64, effective_sessions Nullable(Float64), mean Nullable(Float64), standard_error Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), enough Bool)'
        ),
        [isobar_ratio_estimate(part, whole)],
        [ifNull(isobar_ratio_estimate(part, whole).effective_sessions >= isobar_minimum_sessions(), false)]
    )[1];

-- Aggregates rows of one session each to a share, Σ part / Σ whole with 0 ≤ part ≤ whole, with a
-- 95 % interval: Wilson's, with as many observations as the variance says that the sessions are
-- worth (Korn and Graubard, 1998). Where no session differs from all others, 0 % or 100 %, each
-- effective session is one observation.
CREATE OR REPLACE FUNCTION isobar_share AS (part, whole) ->
    arrayMap(
        (e, limits, enough) -> CAST(
            (
                e.sessions, e.effective_sessions, e.ratio, e.standard_error,
                if(enough, limits.lower, NULL),
                if(enough, limits.upper, NULL),
                pow(e.standard_error, 2) * e.sessions / nullIf(e.ratio * (1 - e.ratio), 0),
                enough
            ),
            'Tuple(sessions UInt64, effective_sessions Nullable(Float64), share Nullable(Float64), standard_error Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), enough Bool)'
        ),
        [isobar_ratio_estimate(part, whole)],
        [
            arrayMap(
                e -> isobar_wilson_limits(
                    e.ratio,
                    pow(isobar_t(e.effective_sessions - 1), 2) * if(
                        e.ratio <= 0 OR e.ratio >= 1,
                        1 / e.effective_sessions,
                        pow(e.standard_error, 2) / (e.ratio * (1 - e.ratio))
                    )
                ),
                [isobar_ratio_estimate(part, whole)]
            )[1]
        ],
        [ifNull(isobar_ratio_estimate(part, whole).effective_sessions >= isobar_minimum_sessions(), false)]
    )[1];

-- The difference a − b of two shares of different sessions, each a result of isobar_share or
-- isobar_wilson, with its 95 % interval from theirs (Newcombe, 1998, method 10). `clear` if the
-- interval leaves 0 out.
CREATE OR REPLACE FUNCTION isobar_difference AS (a, b) ->
    arrayMap(
        (p, q) -> CAST(
            (
                p.share - q.share,
                p.share - q.share - sqrt(pow(p.share - p.lower, 2) + pow(q.upper - q.share, 2)),
                p.share - q.share + sqrt(pow(p.upper - p.share, 2) + pow(q.share - q.lower, 2)),
                ifNull(
                    abs(p.share - q.share) > if(
                        p.share > q.share,
                        sqrt(pow(p.share - p.lower, 2) + pow(q.upper - q.share, 2)),
                        sqrt(pow(p.upper - p.share, 2) + pow(q.share - q.lower, 2))
                    ),
                    false
                )
            ),
            'Tuple(difference Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), clear Bool)'
        ),
        [a], [b]
    )[1];

-- The standard normal quantile of p, 10⁻¹¹ < p < 1 − 10⁻¹¹ (Wichura, 1988, AS 241, PPND16).
CREATE OR REPLACE FUNCTION isobar_normal_quantile AS (p) ->
    arrayMap(
        (q, r, s) -> multiIf(
            NOT (least(p, 1 - p) >= 1e-11), NULL,
            abs(q) <= 0.425,
            q * (((((((r * 2509.0809287301226727 + 33430.575583588128105) * r + 67265.770927008700853) * r
                + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
                + 133.14166789178437745) * r + 3.387132872796366608)
            / (((((((r * 5226.495278852545925 + 28729.085735721942674) * r + 39307.89580009271061) * r
                + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
                + 42.313330701600911252) * r + 1),
            sign(q) * (((((((s * 7.7454501427834140764e-4 + 0.0227238449892691845833) * s
                + 0.24178072517745061177) * s + 1.27045825245236838258) * s + 3.64784832476320460504) * s
                + 5.7694972214606914055) * s + 4.6303378461565452959) * s + 1.42343711074968357734)
            / (((((((s * 1.05075007164441684324e-9 + 5.475938084995344946e-4) * s
                + 0.0151986665636164571966) * s + 0.14810397642748007459) * s + 0.68976733498510000455) * s
                + 1.6763848301838038494) * s + 2.05319162663775882187) * s + 1)
        ),
        [p - 0.5], [0.180625 - pow(p - 0.5, 2)], [sqrt(-log(least(p, 1 - p))) - 1.6]
    )[1];

-- Independent observations that each of two groups needs, so that a two-sided test at 5 % tells
-- the shares p and q apart with this power; to the nearest one.
CREATE OR REPLACE FUNCTION isobar_sample_size AS (p, q, power) ->
    if(
        p BETWEEN 0 AND 1 AND q BETWEEN 0 AND 1,
        round(
            pow(
                isobar_z() * sqrt((p + q) * (1 - (p + q) / 2))
                    + isobar_normal_quantile(power) * sqrt(p * (1 - p) + q * (1 - q)),
                2
            ) / pow(nullIf(p - q, 0), 2)
        ),
        NULL
    );

-- How many times as many observations are needed when they come m from each of the sessions, and
-- correlate by rho within one (Kish).
CREATE OR REPLACE FUNCTION isobar_design_effect AS (m, rho) -> 1 + (m - 1) * rho;

-- The fewest independent observations whose least and greatest hold the quantile of `level` between
-- them with 95 % confidence, whatever the distribution: 1 − levelⁿ − (1 − level)ⁿ ≥ 0.95.
CREATE OR REPLACE FUNCTION isobar_percentile_sample_size AS (level) ->
    arrayMap(
        n -> if(
            level BETWEEN 1e-6 AND 1 - 1e-6,
            n + if(pow(level, n) + pow(1 - level, n) > 0.05, 1, 0),
            NULL
        ),
        [ceil(log(0.05) / log(greatest(level, 1 - level)))]
    )[1];

-- Share of poor time by place and provider, of the sessions that ended in a span of time. Poor
-- time is out of classified time, poor and good. Sessions outside the span are left out by key,
-- which the table behind the view `sessions` is ordered by.
CREATE OR REPLACE VIEW poor_share_by_place
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    app, country, organisation,
    poor.sessions AS sessions,
    poor.effective_sessions AS effective_sessions,
    poor.share AS poor_share,
    poor.lower AS lower,
    poor.upper AS upper,
    poor.design_effect AS design_effect,
    poor.enough AS enough,
    sum(unclassified_us) / nullIf(sum(poor_us + good_us + unclassified_us), 0) AS unclassified_share,
    isobar_share(poor_us, poor_us + good_us) AS poor
FROM sessions
WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
    AND (app, call, participant) IN (
        SELECT app, call, participant FROM session_partials
        WHERE last_us >= {from:DateTime('UTC')}
    )
GROUP BY app, country, organisation;

-- The same by client.
CREATE OR REPLACE VIEW poor_share_by_client
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    app, client_version, device_class, os, browser,
    poor.sessions AS sessions,
    poor.effective_sessions AS effective_sessions,
    poor.share AS poor_share,
    poor.lower AS lower,
    poor.upper AS upper,
    poor.design_effect AS design_effect,
    poor.enough AS enough,
    sum(unclassified_us) / nullIf(sum(poor_us + good_us + unclassified_us), 0) AS unclassified_share,
    isobar_share(poor_us, poor_us + good_us) AS poor
FROM sessions
WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
    AND (app, call, participant) IN (
        SELECT app, call, participant FROM session_partials
        WHERE last_us >= {from:DateTime('UTC')}
    )
GROUP BY app, client_version, device_class, os, browser;

-- A span of time against the same hours of the week before, by place and provider: `difference` is
-- above 0 where more time is poor now.
CREATE OR REPLACE VIEW poor_share_change_by_place
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    app, country, organisation,
    now.sessions AS sessions,
    now.share AS poor_share,
    before.sessions AS sessions_before,
    before.share AS poor_share_before,
    change.difference AS difference,
    change.lower AS lower,
    change.upper AS upper,
    change.clear AS clear,
    now.enough AND before.enough AS enough,
    isobar_difference(now, before) AS change
FROM
(
    SELECT app, country, organisation, isobar_share(poor_us, poor_us + good_us) AS now
    FROM sessions
    WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
        AND (app, call, participant) IN (
            SELECT app, call, participant FROM session_partials
            WHERE last_us >= {from:DateTime('UTC')}
        )
    GROUP BY app, country, organisation
) AS current
INNER JOIN
(
    SELECT app, country, organisation, isobar_share(poor_us, poor_us + good_us) AS before
    FROM sessions
    WHERE last_us >= {from:DateTime('UTC')} - INTERVAL 7 DAY
        AND last_us < {to:DateTime('UTC')} - INTERVAL 7 DAY
        AND (app, call, participant) IN (
            SELECT app, call, participant FROM session_partials
            WHERE last_us >= {from:DateTime('UTC')} - INTERVAL 7 DAY
        )
    GROUP BY app, country, organisation
) AS earlier USING (app, country, organisation);
