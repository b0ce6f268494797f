// The dashboards.

import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { figure, page, promLines, rows, sqlLines, type Unplaced } from './panels.js';
import { overTime, type Filter, releasesByHour, roundTrips, total, worst } from './sql.js';

const OWN_MIX = 'In its own mix of clients, with the 95 % interval over sessions.';
const COMMON_MIX =
  'In the common mix of browsers, devices, networks and kinds of all rows, with the 95 % interval over sessions. ' +
  'Sorted by the lower limit: rows that are certainly bad come first. Rows of the state cannot_tell have too few ' +
  'sessions or too little of the common mix; do not rank by their share.';

const figures = (filters: readonly Filter[]): Unplaced[] => [
  figure('Poor share', `Poor time of all classified time. ${OWN_MIX}`, 'percentunit', total('poor_share', filters)),
  figure('Packet loss', `Lost packets of those expected. ${OWN_MIX}`, 'percentunit', total('loss', filters)),
  figure('Failed set-ups', `Set-ups that failed, of those attempted. ${OWN_MIX}`, 'percentunit', total('setup_failures', filters)),
];

const trend = (filters: readonly Filter[]): Unplaced =>
  sqlLines('Poor share over time', `${OWN_MIX} By hour, and by day beyond a week. Steps of fewer than five sessions are left out.`, 'percentunit', overTime('poor_share', filters));

const trips = (grouping: 'country' | 'provider'): Unplaced =>
  sqlLines('Round trip by hour', 'Percentiles of the round trip times of all intervals, within 1 %.', 'ms', roundTrips(grouping));

const league = (title: string, by: string, filters: readonly Filter[]): Unplaced =>
  rows(title, COMMON_MIX, 'percentunit', worst('poor_share', by, filters));

const OVERVIEW: readonly Filter[] = ['app', 'kind'];
const PROVIDER: readonly Filter[] = ['app', 'country', 'provider', 'kind'];
const RELEASES: readonly Filter[] = ['app', 'country', 'kind'];

const overview = (): Dashboard =>
  page('overview', 'overview', 'Where quality is bad, and since when.', 'now-24h', ['app', 'country', 'kind'], [
    ...figures(['app', 'country', 'kind']),
    trend(['app', 'country', 'kind']),
    trips('country'),
    league('Worst countries', 'country', OVERVIEW),
    league('Worst providers', 'provider', ['app', 'country', 'kind']),
  ]);

const provider = (): Dashboard =>
  page('provider', 'provider', 'One provider: trend, networks, edges, browsers and its neighbours.', 'now-24h', PROVIDER, [
    ...figures(PROVIDER),
    trend(PROVIDER),
    trips('provider'),
    league('By network type', 'network_type', PROVIDER),
    league('By edge', 'edge', PROVIDER),
    league('By browser', 'browser', PROVIDER),
    league('Providers of the country', 'provider', ['app', 'country', 'kind']),
  ]);

const releases = (): Dashboard =>
  page('releases', 'releases', 'Versions of the client beside each other.', 'now-7d', RELEASES, [
    league('Poor share by release', 'client_version', RELEASES),
    sqlLines(
      'Poor share by release and hour', 'In the own mix of each hour. Releases with fewer than five sessions in an hour are left out.',
      'percentunit', releasesByHour(),
    ),
    rows('Failed set-ups by release', COMMON_MIX, 'percentunit', worst('setup_failures', 'client_version', RELEASES)),
    rows('Packet loss by release', COMMON_MIX, 'percentunit', worst('loss', 'client_version', RELEASES)),
  ]);

const RATE = '[$__rate_interval]';

const pipeline = (): Dashboard =>
  page('pipeline', 'pipeline', 'The services: throughput, delay, errors and memory.', 'now-3h', [], [
    figureOfFreshness(),
    promLines('Raw records', 'By outcome.', 'cps', `sum by (outcome) (rate(isobar_ingest_records_total${RATE}))`, '{{outcome}}'),
    promLines(
      'Consumer lag', 'Records behind the end of each topic.', 'short',
      'sum by (topic) (min by (topic, partition) (isobar_consumer_lag_records))', '{{topic}}',
    ),
    promLines(
      'From event to enriched report', '99 of 100 reports are faster.', 's',
      `histogram_quantile(0.99, sum by (le) (rate(isobar_aggregate_freshness_seconds_bucket${RATE})))`, 'p99',
    ),
    promLines('Age of the watermark', 'Windows before it are probably complete.', 's', 'time() - max(isobar_aggregate_watermark_seconds)', 'age'),
    promLines('Rows inserted', 'By table.', 'cps', `sum by (table) (rate(isobar_sink_rows_total${RATE}))`, '{{table}}'),
    promLines(
      'Duration of inserts', '95 of 100 inserts are faster.', 's',
      `histogram_quantile(0.95, sum by (le, table) (rate(isobar_sink_insert_seconds_bucket${RATE})))`, '{{table}}',
    ),
    promLines(
      'Failed inserts', 'By table and outcome. Inserts are repeated until they succeed.', 'cps',
      `sum by (table, outcome) (rate(isobar_sink_insert_failures_total${RATE}))`, '{{table}} {{outcome}}',
    ),
    promLines('Inserts that wait', '1 while sink waits for ClickHouse.', 'none', 'max by (table, cause) (isobar_sink_waits)', '{{table}} {{cause}}'),
    promLines('Dead letters', 'By reason.', 'cps', `sum by (reason) (rate(isobar_dead_letters_total${RATE}))`, '{{reason}}'),
    promLines(
      'Lost, forgotten or counted twice', 'All three are 0 while results are exact.', 'short',
      'label_replace(sum(isobar_aggregate_raw_holes), "what", "raw offsets missing", "", "")' +
        ' or label_replace(sum(increase(isobar_ingest_forgotten_total[1h])), "what", "snapshots forgotten in an hour", "", "")' +
        ' or label_replace(max(isobar_sink_split_sessions), "what", "split sessions", "", "")',
      '{{what}}',
    ),
    promLines(
      'Look-ups', 'Addresses by table and outcome.', 'cps',
      `sum by (table, outcome) (rate(isobar_enrich_look_ups_total${RATE}))`, '{{table}} {{outcome}}',
    ),
    promLines('Resident memory', 'By process.', 'bytes', 'max by (job, instance) (process_resident_memory_bytes)', '{{job}} {{instance}}'),
    promLines('Reading is paused', '1 while a service waits for what it writes to.', 'none', 'max by (job, instance) (isobar_paused)', '{{job}} {{instance}}'),
    promLines(
      'Requests to the dashboard', 'By status.', 'reqps', `sum by (status) (rate(isobar_dashboard_requests_total${RATE}))`, '{{status}}',
    ),
    promLines(
      'Queries of the dashboard', '95 of 100 queries are faster, waiting included.', 's',
      `histogram_quantile(0.95, sum by (le) (rate(isobar_dashboard_query_seconds_bucket${RATE})))`, 'p95',
    ),
  ]);

function figureOfFreshness(): Unplaced {
  const newest = 'SELECT toDateTime(max(append_minute) * 60, \'UTC\') AS newest_minute, dateDiff(\'second\', newest_minute, now(\'UTC\')) AS age';
  return {
    ...figure(
      'Newest complete minute', 'Of the blocks of the last day.', 's',
      `${newest}\nFROM isobar.blocks\nWHERE finished AND append_minute >= intDiv(toUnixTimestamp(now()), 60) - 1440`,
    ),
    width: 24,
  };
}

/** All dashboards, by the name of their file. */
export const dashboards = (): Record<string, Dashboard> => ({
  overview: overview(),
  provider: provider(),
  releases: releases(),
  pipeline: pipeline(),
});
