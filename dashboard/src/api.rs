//! The endpoints of `/api/v1`: one list for the routes and for the OpenAPI document.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::answers::{
    Breakdown, Changes, Comparison, Curve, Freshness, Heat, Me, Series, Summary, Values,
};
use crate::dimension::Dimension;
use crate::filter::{MINUTES, RANGES};
use crate::measure::{Measure, SKETCHES};
use crate::problem::Problem;

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Headline figures.
    Summary,
    /// Cells of a dimension.
    Breakdown,
    /// A trend.
    Series,
    /// Hours of the week.
    Heat,
    /// Two selections.
    Compare,
    /// A quantile function.
    Distribution,
    /// Clear changes.
    Changes,
    /// Values of a dimension.
    Values,
    /// Age of the newest minute.
    Freshness,
    /// Role and apps of the request's token.
    Me,
    /// Server-sent events.
    Live,
    /// The OpenAPI document.
    OpenApi,
}

/// Type of an endpoint's parameter.
enum Kind {
    OneOf(Vec<&'static str>),
    Number { default: u32, least: u32, most: u32 },
    Text,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Summary,
        Self::Breakdown,
        Self::Series,
        Self::Heat,
        Self::Compare,
        Self::Distribution,
        Self::Changes,
        Self::Values,
        Self::Freshness,
        Self::Me,
        Self::Live,
        Self::OpenApi,
    ];

    /// Returns its path below `/api/v1/`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Breakdown => "breakdown",
            Self::Series => "series",
            Self::Heat => "heat",
            Self::Compare => "compare",
            Self::Distribution => "distribution",
            Self::Changes => "changes",
            Self::Values => "values",
            Self::Freshness => "freshness",
            Self::Me => "me",
            Self::Live => "live",
            Self::OpenApi => "openapi.json",
        }
    }

    /// Returns the endpoint at a path below `/api/v1/`.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }

    /// Returns the names of its own parameters, beside those of the filter.
    #[must_use]
    pub const fn own_parameters(self) -> &'static [&'static str] {
        match self {
            Self::Breakdown => &["by", "limit", "sort", "sparkline", "weights"],
            Self::Compare => &["weights"],
            Self::Distribution => &["of"],
            Self::Changes => &["limit"],
            Self::Values => &["of", "q", "limit"],
            _ => &[],
        }
    }

    /// Returns whether it takes a filter.
    #[must_use]
    pub const fn has_filter(self) -> bool {
        !matches!(self, Self::Freshness | Self::Me | Self::Live | Self::OpenApi)
    }

    const fn summary(self) -> &'static str {
        match self {
            Self::Summary => "All measures, beside the same hours a week before",
            Self::Breakdown => "The cells of a dimension: figures, rank ranges, harm, findings",
            Self::Series => "A measure by hour or day",
            Self::Heat => "A measure by hour of the week",
            Self::Compare => "Two selections: names with the prefix `a.` and `b.`",
            Self::Distribution => "The quantile function of a sketch",
            Self::Changes => {
                "Changes against the same hours a week before that stand after the correction"
            }
            Self::Values => "The values of a dimension",
            Self::Freshness => "The age of the newest complete minute, and which service lags",
            Self::Me => "Role and apps of the request, and what can be asked for",
            Self::Live => "Server-sent events: `freshness` and `minute`",
            Self::OpenApi => "This document",
        }
    }

    fn kind(self, parameter: &str) -> Kind {
        match (self, parameter) {
            (Self::Distribution, "of") => Kind::OneOf(SKETCHES.to_vec()),
            (_, "by" | "of") => Kind::OneOf(Dimension::ALL.map(Dimension::name).to_vec()),
            (_, "sort") => Kind::OneOf(vec!["harm", "value", "sessions", "name"]),
            (_, "sparkline" | "weights") => Kind::Number { default: 0, least: 0, most: 1 },
            (Self::Changes, "limit") => Kind::Number { default: 20, least: 1, most: 100 },
            (Self::Values, "limit") => Kind::Number { default: 100, least: 1, most: 1000 },
            (_, "limit") => Kind::Number { default: 200, least: 1, most: 1000 },
            _ => Kind::Text,
        }
    }

    fn schema(self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(match self {
            Self::Summary => of::<Summary>(generator),
            Self::Breakdown => of::<Breakdown>(generator),
            Self::Series => of::<Series>(generator),
            Self::Heat => of::<Heat>(generator),
            Self::Compare => of::<Comparison>(generator),
            Self::Distribution => of::<Curve>(generator),
            Self::Changes => of::<Changes>(generator),
            Self::Values => of::<Values>(generator),
            Self::Freshness => of::<Freshness>(generator),
            Self::Me => of::<Me>(generator),
            Self::Live | Self::OpenApi => return None,
        })
    }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Returns the OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .for_serialize();
    let mut generator = settings.into_generator();
    let problem = of::<Problem>(&mut generator);
    let mut paths = Map::new();
    for endpoint in Endpoint::ALL {
        let answer = endpoint.schema(&mut generator);
        let operation = operation(endpoint, answer, &problem);
        paths.insert(format!("/api/v1/{}", endpoint.path()), json!({ "get": operation }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Isobar dashboard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Call quality with intervals. Cells of fewer than five sessions are folded into \
                            the cell above them.",
        },
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(endpoint: Endpoint, answer: Option<Schema>, problem: &Schema) -> Value {
    let content = match (endpoint, answer) {
        (Endpoint::Live, _) => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
        (_, None) => json!({ "application/json": { "schema": { "type": "object" } } }),
        (_, Some(schema)) => json!({
            "application/json": { "schema": schema },
            "text/csv": { "schema": { "type": "string" } },
        }),
    };
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "The answer", "content": content }));
    for (status, description) in endpoint.problems() {
        let content = json!({ "application/problem+json": { "schema": problem } });
        responses
            .insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    json!({
        "summary": endpoint.summary(),
        "operationId": endpoint.path().trim_end_matches(".json"),
        "parameters": endpoint.parameters(),
        "responses": responses,
    })
}

impl Endpoint {
    /// Returns all of its parameters, as the document describes them.
    fn parameters(self) -> Vec<Value> {
        let own = self.own_parameters().iter();
        let own = own.map(|name| {
            parameter(
                name,
                &self.kind(name),
                *name == "by" || *name == "of" && self == Self::Values,
            )
        });
        let own: Vec<_> = own.collect();
        match self {
            Self::Live | Self::OpenApi => Vec::new(),
            Self::Freshness | Self::Me => vec![format()],
            Self::Compare => {
                // Those without a prefix are of both selections.
                let sides = ["", "a.", "b."].into_iter().flat_map(filter);
                own.into_iter().chain(sides).chain([format()]).collect()
            }
            _ => own.into_iter().chain(filter("")).chain([format()]).collect(),
        }
    }

    /// Returns the statuses of its errors, with what they mean.
    fn problems(self) -> Vec<(u16, &'static str)> {
        let mut found = vec![
            (400, "A parameter is unknown, wrong or given twice"),
            (401, "A token is needed"),
            (405, "A method other than GET and HEAD"),
            (421, "A host name that the service does not know as its own"),
        ];
        if self.has_filter() {
            found.extend([
                (403, "The role or token does not allow it"),
                (504, "A limit of time, rows or memory"),
            ]);
        }
        if self.has_filter() || self == Self::Live {
            found.push((429, "Too many at once"));
        }
        if !matches!(self, Self::Live | Self::OpenApi) {
            found.push((503, "ClickHouse does not answer"));
        }
        found.sort_unstable();
        found
    }
}

fn format() -> Value {
    parameter("format", &Kind::OneOf(vec!["json", "csv"]), false)
}

/// Returns the parameters of a selection, with a prefix where there are two.
fn filter(prefix: &str) -> Vec<Value> {
    let parameter = |name: &str, kind: &Kind, is_required| {
        parameter(&format!("{prefix}{name}"), kind, is_required)
    };
    let kind = |dimension| match dimension {
        Dimension::Kind => Kind::OneOf(vec!["audio", "video"]),
        Dimension::Direction => Kind::OneOf(vec!["inbound", "outbound"]),
        _ => Kind::Text,
    };
    let dimensions =
        Dimension::ALL.map(|dimension| parameter(dimension.name(), &kind(dimension), false));
    let ranges = [MINUTES].into_iter().chain(RANGES).map(|(name, _)| name).collect();
    let measures = Measure::ALL.map(Measure::name).to_vec();
    let others = [
        parameter("range", &Kind::OneOf(ranges), false),
        parameter("from", &Kind::Text, false),
        parameter("to", &Kind::Text, false),
        parameter("measure", &Kind::OneOf(measures), false),
    ];
    dimensions.into_iter().chain(others).collect()
}

fn parameter(name: &str, kind: &Kind, is_required: bool) -> Value {
    let schema = match kind {
        Kind::OneOf(values) => json!({ "type": "string", "enum": values }),
        Kind::Number { default, least, most } => {
            json!({ "type": "integer", "default": default, "minimum": least, "maximum": most })
        }
        Kind::Text => json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
    };
    json!({ "name": name, "in": "query", "required": is_required, "schema": schema })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn every_reference_of_the_document_leads_to_a_schema() {
        let document = openapi();
        let mut open = vec![&document];
        let mut seen = 0;
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        let found = document.pointer(reference.trim_start_matches('#'));
                        assert!(found.is_some(), "{reference}");
                        seen += 1;
                    }
                    open.extend(members.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(seen > 20, "{seen}");
    }

    /// Every parameter of the document is accepted, and every one that is accepted is in it.
    #[test]
    fn the_parameters_of_the_document_are_those_that_are_read() {
        let common = ["range", "from", "to", "measure", "format"];
        let all = common.into_iter().chain(Dimension::ALL.map(Dimension::name));
        let all: Vec<&str> =
            all.chain(["by", "of", "limit", "sort", "sparkline", "weights", "q"]).collect();
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.has_filter()) {
            let parameters = endpoint.parameters();
            let names: Vec<&str> =
                parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
            let prefixes: &[&str] =
                if endpoint == Endpoint::Compare { &["", "a.", "b."] } else { &[""] };
            for (prefix, name) in
                prefixes.iter().flat_map(|prefix| all.iter().map(move |name| (prefix, name)))
            {
                let name = format!("{prefix}{name}");
                let raw = format!("{name}=1");
                let is_read = match endpoint {
                    Endpoint::Compare => Query::parse_pair(&raw).is_ok(),
                    _ => Query::parse(&raw, endpoint.own_parameters()).is_ok(),
                };
                assert_eq!(is_read, names.contains(&name.as_str()), "{} {name}", endpoint.path());
            }
        }
    }

    #[test]
    fn every_endpoint_is_in_the_document() {
        let document = openapi();
        for endpoint in Endpoint::ALL {
            let path = format!("/api/v1/{}", endpoint.path());
            assert!(document["paths"][&path]["get"]["responses"]["200"].is_object(), "{path}");
            assert_eq!(Endpoint::at(endpoint.path()), Some(endpoint));
        }
    }
}
