//! Expands macros and variables of a query as Grafana and its ClickHouse data source do.

use std::ops::Range;

/// Returns the variables of a query, in the form `${name:sqlstring}`.
pub(super) fn variables(sql: &str) -> Vec<String> {
    let after = sql.split("${").skip(1);
    let names =
        after.map(|rest| rest.split_once(":sqlstring}").unwrap_or_else(|| panic!("{sql}")).0);
    names.map(str::to_owned).collect()
}

/// Returns the SQL for a time range (seconds since 1970, both ends included) and values of variables.
pub(super) fn sql(sql: &str, range: Range<i64>, value: &dyn Fn(&str) -> String) -> String {
    let mut text = sql
        .replace("$__fromTime", &format!("toDateTime({})", range.start))
        .replace("$__toTime", &format!("toDateTime({})", range.end));
    for name in variables(sql) {
        let quoted = format!("'{}'", value(&name).replace('\'', "''"));
        text = text.replace(&format!("${{{name}:sqlstring}}"), &quoted);
    }
    assert!(!text.contains('$'), "an unknown macro: {text}");
    text
}

/// Returns the PromQL with this interval for rates.
pub(super) fn promql(expression: &str, rate_interval: &str) -> String {
    let text = expression.replace("$__rate_interval", rate_interval);
    assert!(!text.contains('$'), "an unknown macro: {text}");
    text
}
