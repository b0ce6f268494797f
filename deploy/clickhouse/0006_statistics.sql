-- Statistics for benchmarks. The unit is the session: intervals of one session are correlated, so they
-- count as one observation. docs/reference/statistics.md describes each function. The Rust crate
-- `statistics` has the same functions, and a test compares both.

-- Two-sided 95 %: the standard normal quantile of 0.975.
CREATE OR REPLACE FUNCTION isobar_z AS () -> 1.959963984540054;

-- Minimum number of effective sessions for the interval of a mean.
CREATE OR REPLACE FUNCTION isobar_minimum_sessions AS () -> 100;

-- Minimum of effective sessions × min(share, 1 − share) for the interval of a share. Below it there
-- is a single exact limit.
CREATE OR REPLACE FUNCTION isobar_minimum_cases AS () -> 5;

-- Maximum number of degrees of freedom: intervals are up to 2 % wider than without this limit.
CREATE OR REPLACE FUNCTION isobar_maximum_freedom AS () -> 60;

-- Student's t quantile of 0.975 for `freedom` degrees of freedom, 2 or more (Cornish and Fisher's
-- expansion around the normal quantile, 26.7.5 in Abramowitz and Stegun). Its error is 3·10⁻⁴ at 5
-- degrees, and less than 10⁻⁶ from 15 on.
CREATE OR REPLACE FUNCTION isobar_t AS (freedom) ->
    isobar_z() + (pow(isobar_z(), 3) + isobar_z()) / (4 * freedom)
    + (5 * pow(isobar_z(), 5) + 16 * pow(isobar_z(), 3) + 3 * isobar_z()) / (96 * pow(freedom, 2))
    + (3 * pow(isobar_z(), 7) + 19 * pow(isobar_z(), 5) + 17 * pow(isobar_z(), 3) - 15 * isobar_z())
        / (384 * pow(freedom, 3))
    + (79 * pow(isobar_z(), 9) + 776 * pow(isobar_z(), 7) + 1482 * pow(isobar_z(), 5)
        - 1920 * pow(isobar_z(), 3) - 945 * isobar_z()) / (92160 * pow(freedom, 4));

-- Wilson's score interval around `share`, where the normal interval would have the half width
-- sqrt(w · share · (1 − share)). w is z² / n for n independent observations.
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

-- The upper 97.5 % limit of the share for `cases` of `trials` independent trials (Clopper and Pearson,
-- 1934): the upper end of their 95 % interval, 0.00092 for none of 4,000. `trials` need not be an
-- integer, and cases are rounded up. Computed by halving [0, 1] sixty times.
CREATE OR REPLACE FUNCTION isobar_exact_upper_limit AS (cases, trials) ->
    arrayMap(
        (k, n) -> multiIf(
            NOT (k >= 0 AND n > 0), NULL,
            k >= n, 1.,
            arrayFold(
                (limits, halving) -> arrayMap(
                    middle -> if(
                        arraySum(
                            (log_coefficient, i) -> exp(log_coefficient + i * log(middle) + (n - i) * log1p(-middle)),
                            arrayCumSum(arrayMap(i -> if(i = 0, 0., log((n - i + 1) / i)), range(toUInt32(k) + 1))),
                            range(toUInt32(k) + 1)
                        ) > 0.025,
                        (middle, limits.2),
                        (limits.1, middle)
                    ),
                    [(limits.1 + limits.2) / 2]
                )[1],
                range(60),
                (0., 1.)
            ).2
        ),
        [ceil(ifNull(toFloat64(cases), -1))], [ifNull(toFloat64(trials), 0)]
    )[1];

-- The single exact limit of a share of `trials` that is too close to 0 or 1 for an interval: the upper
-- limit up to 0.5, the lower limit above.
CREATE OR REPLACE FUNCTION isobar_exact_limits AS (share, trials) ->
    arrayMap(
        (s, limit) -> CAST(
            (if(s > 0.5, 1 - limit, NULL), if(s > 0.5, NULL, limit)),
            'Tuple(lower Nullable(Float64), upper Nullable(Float64))'
        ),
        [share], [isobar_exact_upper_limit(least(share, 1 - share) * trials, trials)]
    )[1];

-- The share of `successes` in `trials` independent trials, with Wilson's 95 % interval.
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
-- estimator, which is based on the residuals e = part − ratio · whole (Cochran, Sampling Techniques,
-- 6.4). Sums and squares are integers, so the order of rows has no effect. Rows with a `whole` of 0 are
-- ignored. Effective sessions are (Σ whole)² / Σ whole² (Kish), the number of sessions of equal length
-- with the same information. Degrees of freedom are (Σ e²)² / Σ e⁴, the number of sessions that
-- determine the standard error, limited to the effective sessions minus one and to
-- isobar_maximum_freedom.
CREATE OR REPLACE FUNCTION isobar_ratio_estimate AS (part, whole) ->
    arrayMap(
        (n, x, y, xx, xy, yy, squares) -> CAST(
            (
                n,
                pow(toFloat64(y), 2) / toFloat64(nullIf(yy, 0)),
                toFloat64(x) / toFloat64(nullIf(y, 0)),
                sqrt(n / nullIf(n - 1, 0) * toFloat64(y * y * xx - 2 * x * y * xy + x * x * yy))
                    / pow(toFloat64(nullIf(y, 0)), 2),
                if(
                    n > 0,
                    least(
                        ifNull(pow(arraySum(squares), 2) / nullIf(arraySum(e -> e * e, squares), 0), inf),
                        pow(toFloat64(y), 2) / toFloat64(nullIf(yy, 0)) - 1,
                        isobar_maximum_freedom()
                    ),
                    NULL
                )
            ),
            'Tuple(sessions UInt64, effective_sessions Nullable(Float64), ratio Nullable(Float64), standard_error Nullable(Float64), degrees_of_freedom Nullable(Float64))'
        ),
        [countIf(whole > 0)],
        [toInt256(sumIf(toInt128(part), whole > 0))],
        [toInt256(sumIf(toInt128(whole), whole > 0))],
        [toInt256(sumIf(toInt128(part) * part, whole > 0))],
        [toInt256(sumIf(toInt128(part) * whole, whole > 0))],
        [toInt256(sumIf(toInt128(whole) * whole, whole > 0))],
        -- Sorted, so that the order of rows does not affect their sum.
        [arraySort(arrayMap(
            (p, w) -> pow(p - toFloat64(sumIf(toInt128(part), whole > 0)) / toFloat64(sumIf(toInt128(whole), whole > 0)) * w, 2),
            groupArrayIf(toFloat64(part), whole > 0),
            groupArrayIf(toFloat64(whole), whole > 0)
        ))]
    )[1];

-- Aggregates rows of one session each to a mean, Σ part / Σ whole, with a 95 % interval.
CREATE OR REPLACE FUNCTION isobar_mean AS (part, whole) ->
    arrayMap(
        e -> arrayMap(
            (half, enough) -> CAST(
                (
                    e.ratio,
                    if(enough, e.ratio - half, NULL),
                    if(enough, e.ratio + half, NULL),
                    e.sessions, e.effective_sessions, e.standard_error, e.degrees_of_freedom, enough
                ),
                'Tuple(mean Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), sessions UInt64, effective_sessions Nullable(Float64), standard_error Nullable(Float64), degrees_of_freedom Nullable(Float64), enough Bool)'
            ),
            [isobar_t(e.degrees_of_freedom) * e.standard_error],
            [ifNull(e.effective_sessions >= isobar_minimum_sessions(), false)]
        )[1],
        [isobar_ratio_estimate(part, whole)]
    )[1];

-- Aggregates rows of one session each to a share, Σ part / Σ whole with 0 ≤ part ≤ whole, with a 95 %
-- interval: Wilson's interval with the number of observations that corresponds to the variance (Korn and
-- Graubard, 1998). If the share or its complement is too small for an interval, there is a single
-- exact limit.
CREATE OR REPLACE FUNCTION isobar_share AS (part, whole) ->
    arrayMap(
        e -> arrayMap(
            (variance, spread, enough) -> arrayMap(
                limits -> CAST(
                    (
                        e.ratio, limits.lower, limits.upper,
                        e.sessions, e.effective_sessions, e.standard_error, e.degrees_of_freedom,
                        variance * e.sessions / nullIf(spread, 0),
                        enough
                    ),
                    'Tuple(share Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), sessions UInt64, effective_sessions Nullable(Float64), standard_error Nullable(Float64), degrees_of_freedom Nullable(Float64), design_effect Nullable(Float64), enough Bool)'
                ),
                [if(
                    enough,
                    isobar_wilson_limits(e.ratio, pow(isobar_t(e.degrees_of_freedom), 2) * variance / spread),
                    -- With one session where the limit is not needed, because many cases take long.
                    isobar_exact_limits(e.ratio, if(enough, 1, e.effective_sessions))
                )]
            )[1],
            [pow(e.standard_error, 2)],
            [e.ratio * (1 - e.ratio)],
            [ifNull(
                e.sessions > 1
                    AND e.effective_sessions * least(e.ratio, 1 - e.ratio) >= isobar_minimum_cases(),
                false
            )]
        )[1],
        [isobar_ratio_estimate(part, whole)]
    )[1];

-- The difference a − b of two shares or two means of different sessions, each a result of isobar_share,
-- isobar_wilson or isobar_mean, with the 95 % limits that follow from theirs (Newcombe, 1998, method
-- 10). `clear` is true if the interval does not contain 0. The results of all three functions begin
-- with the estimate and its limits.
CREATE OR REPLACE FUNCTION isobar_difference AS (a, b) ->
    arrayMap(
        (p, q) -> arrayMap(
            (difference, below, above) -> CAST(
                (
                    difference, difference - below, difference + above,
                    ifNull(difference - below > 0, false) OR ifNull(difference + above < 0, false)
                ),
                'Tuple(difference Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), clear Bool)'
            ),
            [p.1 - q.1],
            [sqrt(pow(p.1 - p.2, 2) + pow(q.3 - q.1, 2))],
            [sqrt(pow(p.3 - p.1, 2) + pow(q.1 - q.2, 2))]
        )[1],
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

-- Number of independent observations that each of two groups needs, so that a two-sided test at 5 %
-- distinguishes the shares p and q with this power. Rounded to the nearest integer.
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

-- Factor by which more observations are needed if each session gives m of them with the correlation
-- rho (Kish).
CREATE OR REPLACE FUNCTION isobar_design_effect AS (m, rho) -> 1 + (m - 1) * rho;

-- Smallest number of independent observations whose minimum and maximum enclose the quantile of `level`
-- with 95 % confidence, for any distribution: 1 − levelⁿ − (1 − level)ⁿ ≥ 0.95.
CREATE OR REPLACE FUNCTION isobar_percentile_sample_size AS (level) ->
    arrayMap(
        n -> if(
            level BETWEEN 1e-6 AND 1 - 1e-6,
            n + if(pow(level, n) + pow(1 - level, n) > 0.05, 1, 0),
            NULL
        ),
        [ceil(log(0.05) / log(greatest(level, 1 - level)))]
    )[1];

-- Sessions that ended in a time range, or had their last event in it. Other sessions are skipped by the
-- key of the table behind the view `sessions`.
CREATE OR REPLACE VIEW sessions_between
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT *
FROM sessions
WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
    AND (app, call, participant) IN (
        SELECT app, call, participant FROM session_partials
        WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
    );

-- Sessions with the values of their streams of one kind, audio or video, from the intervals that ended
-- in a time range. Place, provider, device and path are those of the last interval.
CREATE OR REPLACE VIEW sessions_of_kind
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    app, call, participant,
    min(samples.start_us) AS first_us,
    max(samples.end_us) AS last_us,
    argMax(continent, samples.end_us) AS continent,
    argMax(country, samples.end_us) AS country,
    argMax(subdivision, samples.end_us) AS subdivision,
    argMax(asn, samples.end_us) AS asn,
    argMax(organisation, samples.end_us) AS organisation,
    argMax(device_class, samples.end_us) AS device_class,
    argMax(os, samples.end_us) AS os,
    argMax(browser, samples.end_us) AS browser,
    argMax(network_type, samples.end_us) AS network_type,
    argMax(transport, samples.end_us) AS transport,
    argMax(edge, samples.end_us) AS edge,
    argMax(client_version, samples.end_us) AS client_version,
    count() AS intervals,
    sum(toUnixTimestamp64Micro(samples.end_us) - toUnixTimestamp64Micro(samples.start_us)) AS observed_us,
    sumIf(toUnixTimestamp64Micro(samples.end_us) - toUnixTimestamp64Micro(samples.start_us), verdict = 'poor') AS poor_us,
    sumIf(toUnixTimestamp64Micro(samples.end_us) - toUnixTimestamp64Micro(samples.start_us), verdict = 'good') AS good_us,
    observed_us - poor_us - good_us AS unclassified_us
FROM samples FINAL
WHERE kind = {kind:String}
    AND samples.end_us >= {from:DateTime('UTC')} AND samples.end_us < {to:DateTime('UTC')}
GROUP BY app, call, participant
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- A view names parameterised views in the database of its reader, and not in its own: those below repeat the
-- condition of sessions_between.

-- Share of poor time by place and provider: poor time / (poor time + good time).
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
    unclassified_share,
    poor
FROM
(
    -- A subquery, because ClickHouse evaluates an alias again wherever it is used.
    SELECT
        app, country, organisation,
        sum(unclassified_us) / nullIf(sum(poor_us + good_us + unclassified_us), 0) AS unclassified_share,
        isobar_share(poor_us, poor_us + good_us) AS poor
    FROM sessions
    WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
        AND (app, call, participant) IN (
            SELECT app, call, participant FROM session_partials
            WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
        )
    GROUP BY app, country, organisation
) AS shares;

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
    unclassified_share,
    poor
FROM
(
    -- A subquery, because ClickHouse evaluates an alias again wherever it is used.
    SELECT
        app, client_version, device_class, os, browser,
        sum(unclassified_us) / nullIf(sum(poor_us + good_us + unclassified_us), 0) AS unclassified_share,
        isobar_share(poor_us, poor_us + good_us) AS poor
    FROM sessions
    WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
        AND (app, call, participant) IN (
            SELECT app, call, participant FROM session_partials
            WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
        )
    GROUP BY app, client_version, device_class, os, browser
) AS shares;

-- Compares a time range with the same hours of the week before, by place and provider. `difference` is
-- above 0 if the share of poor time is larger now.
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
    change
FROM
(
    SELECT app, country, organisation, now, before, isobar_difference(now, before) AS change
    FROM
    (
        SELECT app, country, organisation, isobar_share(poor_us, poor_us + good_us) AS now
        FROM sessions
        WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
            AND (app, call, participant) IN (
                SELECT app, call, participant FROM session_partials
                WHERE last_us >= {from:DateTime('UTC')} AND last_us < {to:DateTime('UTC')}
            )
        GROUP BY app, country, organisation
    ) AS current
    INNER JOIN
    (
        SELECT app, country, organisation, isobar_share(poor_us, poor_us + good_us) AS before
        FROM sessions
        WHERE last_us >= {from:DateTime('UTC')} - INTERVAL 7 DAY AND last_us < {to:DateTime('UTC')} - INTERVAL 7 DAY
            AND (app, call, participant) IN (
                SELECT app, call, participant FROM session_partials
                WHERE last_us >= {from:DateTime('UTC')} - INTERVAL 7 DAY AND last_us < {to:DateTime('UTC')} - INTERVAL 7 DAY
            )
        GROUP BY app, country, organisation
    ) AS earlier USING (app, country, organisation)
) AS changes;

-- Places and providers over the last hour. A session counts for every place where it was seen. The
-- limits of the poor share are those of the sessions that were last seen there.
CREATE OR REPLACE VIEW league
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    country,
    organisation,
    sessions,
    poor_share,
    poor.lower AS lower,
    poor.upper AS upper,
    poor.effective_sessions AS effective_sessions,
    round_trip[1] AS round_trip_p50_ms,
    round_trip[2] AS round_trip_p95_ms,
    loss,
    audio_mos_p50
FROM
(
    SELECT
        country,
        organisation,
        sum(poor_us) / nullIf(sum(poor_us) + sum(good_us), 0) AS poor_share,
        quantilesDDMerge(0.01, 0.5, 0.95)(round_trip_ms) AS round_trip,
        isobar_loss(packets_expected, packets_lost) AS loss,
        quantileDDMerge(0.01, 0.5)(audio_mos) AS audio_mos_p50
    FROM cell_rows
    WHERE grouping = 'place' AND window_start >= now() - INTERVAL 1 HOUR
    GROUP BY country, organisation
) AS quality
LEFT JOIN
(
    SELECT country, organisation, uniqExact(app, call, participant) AS sessions
    FROM session_partials
    WHERE last_us >= now() - INTERVAL 1 HOUR
    GROUP BY country, organisation
) AS seen USING (country, organisation)
LEFT JOIN
(
    SELECT country, organisation, isobar_share(poor_us, poor_us + good_us) AS poor
    FROM sessions
    WHERE last_us >= now() - INTERVAL 1 HOUR AND last_us < now()
        AND (app, call, participant) IN (
            SELECT app, call, participant FROM session_partials
            WHERE last_us >= now() - INTERVAL 1 HOUR AND last_us < now()
        )
    GROUP BY country, organisation
) AS surely USING (country, organisation);
