// Questions to ClickHouse. A range of time covers whole hours, as the answers of the dashboard's API do.

/** Values by which a question is filtered, each the name of a template variable. */
export type Filter = 'app' | 'country' | 'provider' | 'kind';

/** Measures of `standardised_shares`. */
export type Measure = 'poor_share' | 'loss' | 'setup_failures';

const FROM = 'toStartOfHour($__fromTime)';
const TO = 'toStartOfHour($__toTime) + INTERVAL 1 HOUR';

/** The condition that `column` is within the hours of the dashboard's time range. */
export const withinHours = (column: string): string => `${column} >= ${FROM} AND ${column} < ${TO}`;

/** The value of a variable, quoted; empty for all. */
const selected = (name: Filter): string =>
  `if(\${${name}:sqlstring} = 'all', '', \${${name}:sqlstring})`;

/** The condition that `column` has the value of a variable, if one is selected. */
export const isSelected = (name: Filter, column: string = name): string =>
  `(\${${name}:sqlstring} = 'all' OR ${column} = \${${name}:sqlstring})`;

/** Hours, and days beyond a week, as in the dashboard's API. */
const STEP = "if($__toTime - $__fromTime > 7 * 86400, 'day', 'hour')";

/** The view of shares for a measure by a dimension (an expression), filtered by the given variables. */
function shares(measure: Measure, by: string, filters: readonly Filter[]): string {
  const filter = (name: Filter) => `${name} = ${filters.includes(name) ? selected(name) : "''"}`;
  return `isobar.standardised_shares(
    measure = '${measure}', by = ${by}, from = ${FROM}, to = ${TO},
    ${filter('app')},
    ${filter('country')},
    ${filter('provider')},
    ${filter('kind')})`;
}

/** One share with its interval, in its own mix. */
export const total = (measure: Measure, filters: readonly Filter[]): string =>
  `SELECT raw_share AS share, raw_lower AS at_least, raw_upper AS at_most, sessions
FROM ${shares(measure, "''", filters)}`;

/** A share by step of time. */
export const overTime = (measure: Measure, filters: readonly Filter[]): string =>
  `SELECT toDateTime(name, 'UTC') AS time, raw_share AS share, raw_lower AS at_least, raw_upper AS at_most, sessions
FROM ${shares(measure, STEP, filters)}
WHERE sessions >= 5
ORDER BY time`;

/** The groups of a dimension, those that are certainly worst first. */
export const worst = (measure: Measure, by: string, filters: readonly Filter[]): string =>
  `SELECT ${by === 'provider' ? 'country, ' : ''}name AS ${by}, sessions, share, lower AS at_least, upper AS at_most,
    state, raw_share, effective_sessions, coverage
FROM ${shares(measure, `'${by}'`, filters)}
WHERE sessions >= 5
ORDER BY at_least DESC NULLS LAST, share DESC
LIMIT 200`;

/** Round trip times by hour, of all intervals. */
export function roundTrips(grouping: 'country' | 'provider'): string {
  const provider = grouping === 'provider' ? ` AND ${isSelected('provider', 'organisation')}` : '';
  return `SELECT window_start AS time, percentiles[1] AS p50, percentiles[2] AS p95, intervals
FROM (
    SELECT window_start, quantilesDDMerge(0.01, 0.5, 0.95)(round_trip_ms) AS percentiles,
        toInt64(sum(intervals)) AS intervals
    FROM isobar.overview_hours
    WHERE grouping = '${grouping}' AND ${withinHours('window_start')}
        AND ${isSelected('app')} AND ${isSelected('country')} AND ${isSelected('kind')}${provider}
    GROUP BY window_start
)
ORDER BY time`;
}

/** The poor share of each release by hour. */
export const releasesByHour = (): string =>
  `SELECT hour AS time, client_version, sum(poor_us) / sum(poor_us + good_us) AS share
FROM isobar.session_hours
WHERE ${withinHours('hour')}
    AND ${isSelected('app')} AND ${isSelected('country')} AND ${isSelected('kind')}
GROUP BY time, client_version
HAVING sum(poor_us + good_us) > 0 AND uniqExactIf((app, call, participant), poor_us + good_us > 0) >= 5
ORDER BY time, client_version`;

/** Values of a variable: `all` and those of the last week, most sessions first. */
export const values = (name: Filter, column: string, filters: readonly Filter[]): string =>
  `SELECT ${name}
FROM (
    SELECT 'all' AS ${name}, toUInt64(-1) AS sessions
    UNION ALL
    SELECT toString(${column}) AS ${name}, uniqExact(call, participant) AS sessions
    FROM isobar.session_hours
    WHERE ${['hour >= now() - INTERVAL 7 DAY', ...filters.map((filter) => isSelected(filter, `session_hours.${filter}`))].join(' AND ')}
    GROUP BY ${name}
    HAVING sessions >= 5
)
ORDER BY sessions DESC, ${name}
LIMIT 1000`;
