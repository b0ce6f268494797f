// Panels and variables in the form of Grafana, checked against its types.

import type { Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as table from '@grafana/grafana-foundation-sdk/table';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

import { type Filter, values } from './sql.js';

/** A panel without its place. */
export type Unplaced = Omit<dashboard.Panel, 'id' | 'gridPos'> & { width: number; height: number };

const CLICKHOUSE: common.DataSourceRef = { type: 'grafana-clickhouse-datasource', uid: '${clickhouse}' };
const PROMETHEUS: common.DataSourceRef = { type: 'prometheus', uid: '${prometheus}' };

/** A query of the ClickHouse data source, version 4. */
interface ClickHouseQuery extends Dataquery {
  datasource: common.DataSourceRef;
  refId: string;
  editorType: 'sql';
  queryType: 'table' | 'timeseries';
  /** 0 for series, 1 for a table. */
  format: 0 | 1;
  rawSql: string;
  pluginVersion: string;
}

/** Marks an object as a query; Grafana's types tell queries by a function that JSON leaves out. */
const query = <T extends object>(fields: T): T & Dataquery => ({
  ...fields,
  _implementsDataqueryVariant: () => undefined,
});

const sql = (queryType: 'table' | 'timeseries', rawSql: string): ClickHouseQuery =>
  query({
    datasource: CLICKHOUSE,
    refId: 'A',
    editorType: 'sql' as const,
    queryType,
    format: queryType === 'table' ? (1 as const) : (0 as const),
    rawSql,
    pluginVersion: '4.0.0',
  });

/** Units of columns by name; those of a panel's measure are added. */
const UNITS: Record<string, string> = { sessions: 'short', effective_sessions: 'short', coverage: 'percentunit', intervals: 'short' };

function fields(unit: string, custom: table.FieldConfig | timeseries.FieldConfig): dashboard.FieldConfigSource {
  const override = ([name, own]: [string, string]) => ({
    matcher: { id: 'byName', options: name },
    properties: [
      { id: 'unit', value: own },
      { id: 'decimals', value: own === 'percentunit' ? 1 : 0 },
    ],
  });
  return { defaults: { unit, decimals: 2, noValue: '–', custom }, overrides: Object.entries(UNITS).map(override) };
}

const LEGEND: common.VizLegendOptions = {
  displayMode: common.LegendDisplayMode.List,
  placement: common.LegendPlacement.Bottom,
  showLegend: true,
  calcs: [],
};
const TOOLTIP: common.VizTooltipOptions = { mode: common.TooltipDisplayMode.Multi, sort: common.SortOrder.Descending };

/** A figure with its limits and its sessions. */
export function figure(title: string, description: string, unit: string, rawSql: string): Unplaced {
  const options: stat.Options = {
    graphMode: common.BigValueGraphMode.None,
    colorMode: common.BigValueColorMode.None,
    justifyMode: common.BigValueJustifyMode.Auto,
    textMode: common.BigValueTextMode.ValueAndName,
    wideLayout: true,
    showPercentChange: false,
    percentChangeColorMode: common.PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ['lastNotNull'], fields: '/.*/', values: false },
    orientation: common.VizOrientation.Auto,
  };
  return {
    type: 'stat', title, description, datasource: CLICKHOUSE, targets: [sql('table', rawSql)], options,
    fieldConfig: fields(unit, {}), width: 8, height: 5,
  };
}

/** Rows in the order of the query, the worst first. */
export function rows(title: string, description: string, unit: string, rawSql: string): Unplaced {
  const options: table.Options = { frameIndex: 0, showHeader: true, cellHeight: common.TableCellHeight.Sm };
  const custom: table.FieldConfig = {
    align: common.FieldTextAlignment.Auto, inspect: false, cellOptions: { type: common.TableCellDisplayMode.Auto },
  };
  return {
    type: 'table', title, description, datasource: CLICKHOUSE, targets: [sql('table', rawSql)], options,
    fieldConfig: fields(unit, custom), width: 12, height: 10,
  };
}

/** Lines over time; the limits of a share are dashed, and counts have the right axis. */
export function lines(title: string, description: string, unit: string, targets: Dataquery[]): Unplaced {
  const options: timeseries.Options = { legend: LEGEND, tooltip: TOOLTIP };
  const custom: timeseries.FieldConfig = {
    drawStyle: common.GraphDrawStyle.Line, lineWidth: 1, fillOpacity: 0, showPoints: common.VisibilityMode.Auto, spanNulls: false,
  };
  const config = fields(unit, custom);
  const dashed = { id: 'custom.lineStyle', value: { fill: 'dash', dash: [4, 4] } };
  for (const name of ['at_least', 'at_most']) {
    config.overrides.push({ matcher: { id: 'byName', options: name }, properties: [dashed] });
  }
  for (const name of ['sessions', 'intervals']) {
    const right = { id: 'custom.axisPlacement', value: common.AxisPlacement.Right };
    config.overrides.push({ matcher: { id: 'byName', options: name }, properties: [right] });
  }
  const datasource = targets[0]?.['datasource' as keyof Dataquery] as common.DataSourceRef | undefined;
  return {
    type: 'timeseries', title, description, ...(datasource && { datasource }), targets, options,
    fieldConfig: config, width: 12, height: 9,
  };
}

/** Lines of a query of ClickHouse whose first column is `time`. */
export const sqlLines = (title: string, description: string, unit: string, rawSql: string): Unplaced =>
  lines(title, description, unit, [sql('timeseries', rawSql)]);

/** Lines of a query of Prometheus. */
export function promLines(title: string, description: string, unit: string, expr: string, legendFormat: string): Unplaced {
  const target: prometheus.Dataquery & { datasource: common.DataSourceRef } = query({
    datasource: PROMETHEUS, refId: 'A', expr, legendFormat, range: true, instant: false,
    editorMode: prometheus.QueryEditorMode.Code,
  });
  return lines(title, description, unit, [target]);
}

const CHOICES: Record<Filter, { label: string; column: string; filters: Filter[] }> = {
  app: { label: 'App', column: 'app', filters: [] },
  country: { label: 'Country', column: 'country', filters: ['app'] },
  provider: { label: 'Provider', column: 'organisation', filters: ['app', 'country'] },
  kind: { label: 'Kind', column: 'kind', filters: [] },
};

/** The variable of a filter. */
function variable(name: Filter): dashboard.VariableModel {
  const all = { text: 'all', value: 'all' };
  const { label, column, filters } = CHOICES[name];
  if (name === 'kind') {
    const option = (value: string) => ({ text: value, value, selected: value === 'all' });
    return {
      type: dashboard.VariableType.Custom, name, label, query: 'all,audio,video', current: all, multi: false,
      includeAll: false, options: ['all', 'audio', 'video'].map(option),
    };
  }
  const rawSql = values(name, column, filters);
  return {
    type: dashboard.VariableType.Query, name, label, datasource: CLICKHOUSE, query: sqlOfVariable(rawSql), current: all,
    multi: false, includeAll: false, refresh: dashboard.VariableRefresh.OnTimeRangeChanged, sort: dashboard.VariableSort.Disabled,
  };
}

const sqlOfVariable = (rawSql: string): Record<string, unknown> => ({
  editorType: 'sql', queryType: 'table', format: 1, rawSql, refId: 'A', pluginVersion: '4.0.0',
});

const source = (name: string, label: string, plugin: string): dashboard.VariableModel => ({
  type: dashboard.VariableType.Datasource, name, label, query: plugin, multi: false, includeAll: false,
  refresh: dashboard.VariableRefresh.OnDashboardLoad,
});

/** Puts panels in rows of 24 columns. */
function place(unplaced: readonly Unplaced[]): dashboard.Panel[] {
  let [x, y, tallest] = [0, 0, 0];
  return unplaced.map(({ width, height, ...panel }, index) => {
    if (x + width > 24) {
      [x, y, tallest] = [0, y + tallest, 0];
    }
    const gridPos: dashboard.GridPos = { h: height, w: width, x, y };
    x += width;
    tallest = Math.max(tallest, height);
    return { ...panel, id: index + 1, gridPos };
  });
}

/** A dashboard of these panels. */
export function page(
  name: string, title: string, description: string, time: string, filters: readonly Filter[], unplaced: readonly Unplaced[],
): dashboard.Dashboard {
  const uses = (plugin: string) => unplaced.some((panel) => panel.datasource?.type === plugin);
  const sources = [
    ...(uses('grafana-clickhouse-datasource') ? [source('clickhouse', 'ClickHouse', 'grafana-clickhouse-datasource')] : []),
    ...(uses('prometheus') ? [source('prometheus', 'Prometheus', 'prometheus')] : []),
  ];
  return {
    uid: `isobar-${name}`, title: `Isobar: ${title}`, description, tags: ['isobar'], timezone: 'browser', editable: true,
    graphTooltip: dashboard.DashboardCursorSync.Crosshair, time: { from: time, to: 'now' }, refresh: '1m', schemaVersion: 39,
    version: 1, panels: place(unplaced), templating: { list: [...sources, ...filters.map(variable)] },
    annotations: { list: [] },
    links: [
      {
        title: 'Isobar', type: dashboard.DashboardLinkType.Dashboards, icon: 'external link', tooltip: '', tags: ['isobar'],
        asDropdown: true, targetBlank: false, includeVars: true, keepTime: true,
      },
    ],
  };
}

