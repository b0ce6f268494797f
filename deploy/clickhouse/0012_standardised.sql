-- Shares of poor time, of lost packets and of failed set-ups in the common mix of browser family, device class, network type and kind, as the
-- dashboard and the Rust crate `statistics` compute them: docs/reference/statistics.md. The functions are
-- those of 0006_statistics.sql. Empty texts as parameters select everything.

-- The share of each group, in its own mix and in that of all groups together, with 95 % intervals. Levels of
-- subqueries are: strata with their weights, terms (each stratum once for either figure; those of the raw one
-- are summed by kind and direction), profiles (the strata that may have the same sessions), figures, groups.
CREATE OR REPLACE VIEW standardised_shares
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    group_country AS country, name, sessions, effective_sessions, intervals,
    scaled[1] AS share, scaled[2] AS lower, scaled[3] AS upper,
    multiIf(
        coverage < 0.8, 'cannot_tell',
        lower IS NULL OR upper IS NULL, 'upper_limit',
        'known'
    ) AS state,
    coverage,
    raw_share, raw_lower, raw_upper, raw_effective_sessions
FROM
(
    SELECT
        group_country, name,
        any(covered) AS coverage,
        anyIf(all_sessions, figure = 'raw') AS sessions,
        any(all_intervals) AS intervals,
        maxIf(effective, figure = 'adjusted' AND found) AS effective_sessions,
        maxOrNullIf(effective, figure = 'raw') AS raw_effective_sessions,
        maxOrNullIf(share, figure = 'raw') AS raw_share,
        maxIf(limits.lower, figure = 'raw') AS raw_lower,
        maxIf(limits.upper, figure = 'raw') AS raw_upper,
        -- In the strata that are left out, the odds are taken to be to those of all groups as they are in the others.
        arrayMap(
            x -> if(x < 1, any(odds) * x / (1 - x + any(odds) * x), x),
            [
                maxOrNullIf(share, figure = 'adjusted' AND found),
                maxIf(limits.lower, figure = 'adjusted' AND found AND covered >= 0.8),
                maxIf(limits.upper, figure = 'adjusted' AND found AND covered >= 0.8)
            ]
        ) AS scaled
    FROM
    (
        SELECT
            group_country, name, figure, share, effective, found, covered, odds, all_sessions, all_intervals,
            if(
                enough,
                isobar_wilson_limits(
                    share, pow(isobar_t(degrees), 2) * (variance + one_more) / (share * (1 - share))
                ),
                -- With one session where the limit is not needed, because many cases take long.
                isobar_exact_limits(share, if(enough, 1., effective))
            ) AS limits
        FROM
        (
            SELECT
                group_country, name, figure,
                any(coverage) AS covered, any(odds_ratio) AS odds,
                sum(profile_intervals) AS all_intervals,
                -- Those of several kinds or directions of a profile count once.
                sum(profile_sessions) AS all_sessions,
                sum(most) > 0 AS found,
                sum(part_of_share) AS share,
                sum(deviation * deviation) AS variance,
                sum(binomial * binomial) AS binomial_variance,
                sum(length * length) AS squared_length,
                1 / squared_length AS effective,
                if(binomial_variance > 0, least(variance / binomial_variance, 1), 1)
                    * max(length * length / greatest(most, 1)) AS one_more,
                if(share <= 0.5, share * share / sum(poor * poor), (1 - share) * (1 - share) / sum(good * good))
                    * sum(equal_length * equal_length) / squared_length AS rarer,
                greatest(2., least(
                    toFloat64(isobar_maximum_freedom()),
                    if(isNaN(rarer), inf, rarer),
                    squared_length * squared_length / sum(pow(length, 4) / freedom),
                    effective - 1
                )) AS degrees,
                NOT max(is_single) AND effective * least(share, 1 - share) >= isobar_minimum_cases() AS enough
            FROM
            (
                -- How kinds and directions of the same sessions vary together is not known: standard deviations
                -- are added, which is their largest possible sum.
                SELECT
                    group_country, name, figure,
                    any(coverage) AS coverage, any(odds_ratio) AS odds_ratio,
                    sum(own_intervals) AS profile_intervals,
                    max(n) AS profile_sessions,
                    maxIf(n, counts) AS most,
                    countIf(counts AND n < 2) > 0 AS is_single,
                    sum(factor * y) AS part_of_share,
                    sum(factor * sqrt(
                        n / greatest(n - 1., 1) * greatest(yy - 2 * centre * wy + centre * centre * ww, 0)
                    )) AS deviation,
                    sum(factor * sqrt(ww * centre * (1 - centre))) AS binomial,
                    sum(factor * sqrt(ww)) AS length,
                    sum(factor * w / sqrt(n)) AS equal_length,
                    sum(factor * sqrt(yy)) AS poor,
                    sum(factor * sqrt(greatest(ww - 2 * wy + yy, 0))) AS good,
                    -- Sessions of unequal length count for what they are worth, and once more for how well the
                    -- squares of their residuals are known.
                    greatest(minIf(pow(w * w / ww, 2) / n - 1, counts), 1) AS freedom
                FROM
                (
                    SELECT
                        group_country, name, figure, profile, s_kind, s_direction,
                        any(term_factor) AS factor, any(term_centre) AS centre, any(term_counts) AS counts,
                        any(stratum_coverage) AS coverage, any(stratum_odds_ratio) AS odds_ratio,
                        sum(stratum_intervals) AS own_intervals,
                        sum(stratum_n) AS n, sum(stratum_w) AS w, sum(stratum_y) AS y,
                        sum(stratum_ww) AS ww, sum(stratum_wy) AS wy, sum(stratum_yy) AS yy
                    FROM
                    (
                        SELECT
                            group_country, name, s_kind, s_direction,
                            n AS stratum_n, w AS stratum_w, y AS stratum_y, ww AS stratum_ww, wy AS stratum_wy,
                            yy AS stratum_yy, own_intervals AS stratum_intervals,
                            coverage AS stratum_coverage,
                            usual_in_all / (1 - usual_in_all) / (usual / coverage / (1 - usual / coverage)) AS found_odds,
                            if(coverage < 1 AND isFinite(found_odds) AND found_odds > 0, found_odds, 1.)
                                AS stratum_odds_ratio,
                            [
                                (
                                    'adjusted', (s_browser, s_device_class, s_network_type), counts,
                                    if(counts, weight / coverage / w, 0.), y / w
                                ),
                                ('raw', ('', '', ''), true, 1 / group_w, group_y / group_w)
                            ] AS terms,
                            terms.1 AS figures, terms.2 AS term_profiles, terms.3 AS all_counts,
                            terms.4 AS factors, terms.5 AS centres
                        FROM
                        (
                            SELECT
                                *,
                                sumIf(weight, counts) OVER one AS coverage,
                                sumIf(weight * usual_in_stratum, counts) OVER one AS usual,
                                sum(w) OVER one AS group_w,
                                sum(y) OVER one AS group_y
                            FROM
                            (
                                -- The weight of a stratum in the common mix, and the share of all groups there.
                                SELECT
                                    *,
                                    sum(w) OVER same / sum(w) OVER () AS weight,
                                    sum(y) OVER same / sum(w) OVER same AS usual_in_stratum,
                                    sum(y) OVER () / sum(w) OVER () AS usual_in_all,
                                    -- 5 sessions of one length are 5 up to rounding.
                                    w * w / ww >= 5 - 1e-9 AS counts
                                FROM
                                (
                                    -- Sums of sessions by group and stratum. The dimension by which groups differ is not one of the stratum. Up
                                    -- to 30 days are read from the sessions of hours, where both directions of a session are added before squares
                                    -- are taken. Longer and older ranges are read from the sums of days, where a session counts once in each day
                                    -- and direction. Only one of both is read: the conditions of the other one are constant.
                                    SELECT
                                        group_country, name, s_browser, s_device_class, s_network_type, s_kind, '' AS s_direction,
                                        toUInt64(count()) AS n,
                                        toFloat64(sum(toInt128(whole))) AS w,
                                        -- Packets that were counted as lost and arrived later may outweigh the lost ones.
                                        sum(toInt128(part)) >= 0 AS is_positive,
                                        if(is_positive, toFloat64(sum(toInt128(part))), 0) AS y,
                                        toFloat64(sum(toInt128(whole) * whole)) AS ww,
                                        if(is_positive, toFloat64(sum(toInt128(whole) * part)), 0) AS wy,
                                        if(is_positive, toFloat64(sum(toInt128(part) * part)), 0) AS yy,
                                        toInt128(sum(session_intervals)) AS own_intervals
                                    FROM
                                    (
                                        SELECT
                                            if({by:String} = 'provider', country, '') AS group_country,
                                            multiIf(
                                                {by:String} = 'provider', organisation,
                                                {by:String} = 'country', country,
                                                {by:String} = 'network_type', network_type,
                                                {by:String} = 'edge', edge,
                                                {by:String} = 'device_class', device_class,
                                                {by:String} = 'browser', browser,
                                                {by:String} = 'client_version', client_version,
                                                {by:String} = 'hour', toString(hour),
                                                {by:String} = 'day', toString(toStartOfDay(hour)),
                                                ''
                                            ) AS name,
                                            if({by:String} = 'browser', '', browser) AS s_browser,
                                            if({by:String} = 'device_class', '', device_class) AS s_device_class,
                                            if({by:String} = 'network_type', '', network_type) AS s_network_type,
                                            session_hours.kind AS s_kind,
                                            session_hours.app, call, participant,
                                            sum(multiIf(
                                                {measure:String} = 'loss', packets_lost,
                                                {measure:String} = 'setup_failures', setups_failed,
                                                poor_us
                                            )) AS part,
                                            sum(multiIf(
                                                {measure:String} = 'loss', packets_expected,
                                                {measure:String} = 'setup_failures', setups_attempted,
                                                poor_us + good_us
                                            )) AS whole,
                                            sum(intervals) AS session_intervals
                                        FROM session_hours
                                        WHERE hour >= {from:DateTime('UTC')} AND hour < {to:DateTime('UTC')}
                                            AND {from:DateTime('UTC')} >= toStartOfDay(now('UTC')) - INTERVAL 30 DAY
                                            AND {to:DateTime('UTC')} - {from:DateTime('UTC')} <= 30 * 86400
                                            AND throwIf(
                                                {measure:String} NOT IN ('poor_share', 'loss', 'setup_failures'),
                                                'measure is poor_share, loss or setup_failures'
                                            ) = 0
                                            AND throwIf(
                                                {by:String} NOT IN (
                                                    'provider', 'country', 'network_type', 'edge', 'device_class', 'browser', 'client_version', 'hour',
                                                    'day', ''
                                                ),
                                                'by is provider, country, network_type, edge, device_class, browser, client_version, hour, day or empty'
                                            ) = 0
                                            AND ({app:String} = '' OR session_hours.app = {app:String})
                                            AND ({country:String} = '' OR session_hours.country = {country:String})
                                            AND ({provider:String} = '' OR organisation = {provider:String})
                                            -- Set-ups have no kind.
                                            AND ({kind:String} = '' OR {measure:String} = 'setup_failures' OR session_hours.kind = {kind:String})
                                        GROUP BY
                                            group_country, name, s_browser, s_device_class, s_network_type, s_kind, session_hours.app, call, participant
                                    )
                                    WHERE whole > 0
                                    GROUP BY group_country, name, s_browser, s_device_class, s_network_type, s_kind
                                    UNION ALL
                                    WITH
                                        NOT (
                                            {from:DateTime('UTC')} >= toStartOfDay(now('UTC')) - INTERVAL 30 DAY
                                            AND {to:DateTime('UTC')} - {from:DateTime('UTC')} <= 30 * 86400
                                        ) AS is_of_days
                                    SELECT
                                        if({by:String} = 'provider', country, '') AS group_country,
                                        multiIf(
                                            {by:String} = 'provider', organisation,
                                            {by:String} = 'country', country,
                                            {by:String} = 'network_type', network_type,
                                            {by:String} = 'device_class', device_class,
                                            {by:String} = 'browser', browser,
                                            {by:String} = 'day', toString(toDateTime(day, 'UTC')),
                                            ''
                                        ) AS name,
                                        if({by:String} = 'browser', '', browser) AS s_browser,
                                        if({by:String} = 'device_class', '', device_class) AS s_device_class,
                                        if({by:String} = 'network_type', '', network_type) AS s_network_type,
                                        session_days.kind AS s_kind,
                                        direction AS s_direction,
                                        toUInt64(sum(judged)) AS n,
                                        toFloat64(sum(session_days.w)) AS w,
                                        true AS is_positive,
                                        toFloat64(sum(session_days.y)) AS y,
                                        toFloat64(sum(session_days.ww)) AS ww,
                                        toFloat64(sum(session_days.wy)) AS wy,
                                        toFloat64(sum(session_days.yy)) AS yy,
                                        sum(intervals) AS own_intervals
                                    FROM session_days
                                    WHERE day >= toDate({from:DateTime('UTC')}) AND day < toDate({to:DateTime('UTC')})
                                        AND is_of_days
                                        AND throwIf(
                                            is_of_days AND {measure:String} != 'poor_share', 'beyond 30 days measure is poor_share'
                                        ) = 0
                                        AND throwIf(
                                            is_of_days
                                                AND {by:String} NOT IN ('provider', 'country', 'network_type', 'device_class', 'browser', 'day', ''),
                                            'beyond 30 days by is provider, country, network_type, device_class, browser, day or empty'
                                        ) = 0
                                        AND session_days.w > 0
                                        AND ({app:String} = '' OR session_days.app = {app:String})
                                        AND ({country:String} = '' OR session_days.country = {country:String})
                                        AND ({provider:String} = '' OR organisation = {provider:String})
                                        AND ({kind:String} = '' OR session_days.kind = {kind:String})
                                    GROUP BY group_country, name, s_browser, s_device_class, s_network_type, s_kind, s_direction
                                )
                                WINDOW same AS (
                                    PARTITION BY s_browser, s_device_class, s_network_type, s_kind, s_direction
                                )
                            )
                            WINDOW one AS (PARTITION BY group_country, name)
                        )
                    )
                    ARRAY JOIN
                        figures AS figure, term_profiles AS profile, all_counts AS term_counts,
                        factors AS term_factor, centres AS term_centre
                    GROUP BY group_country, name, figure, profile, s_kind, s_direction
                )
                GROUP BY group_country, name, figure, profile
            )
            GROUP BY group_country, name, figure
        )
    )
    GROUP BY group_country, name
);
