#!/bin/sh
# Rebuilds the look-up tables in this folder from their npm packages: sh refresh.sh
# Isobar reads only JSON, so the YAML of uap-core is converted here.
set -eu
UAP_CORE=0.18.0
COUNTRIES_LIST=3.4.1
ISO_3166=4.4.0

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fetch() {
    npm pack --silent "$1@$2" >/dev/null
    mkdir "$1"
    tar -xzf "$1-$2.tgz" -C "$1" --strip-components=1
}

fetch uap-core "$UAP_CORE"
npx --yes js-yaml@4 uap-core/regexes.yaml >regexes.json
jq --arg version "$UAP_CORE" '{version: $version, user_agent_parsers, os_parsers}' regexes.json \
    >"$here/uap-core.json"
cp uap-core/LICENSE "$here/uap-core.LICENSE"

# Russia counts as Europe, as in GeoNames, whose continents MaxMind's files use.
fetch countries-list "$COUNTRIES_LIST"
jq --sort-keys --arg version "$COUNTRIES_LIST" \
    '{source: "npm countries-list \($version)",
      continents: (.RU.continent = "EU" | to_entries | group_by(.value.continent)
        | map({(.[0].value.continent): map(.key) | sort | join(" ")}) | add)}' \
    countries-list/countries.min.json >"$here/continents.json"
cp countries-list/LICENSE "$here/continents.LICENSE"

# Codes and names of ISO 3166-1 and -2, as TSV, which ClickHouse can also read.
fetch iso-3166 "$ISO_3166"
node --input-type=module >"$here/iso3166.tsv" -e "
import {iso31661, iso31662} from '$work/iso-3166/index.js'
const rows = [...iso31661.map(row => [row.alpha2, row.name]), ...iso31662.map(row => [row.code, row.name])]
console.log(rows.map(row => row.join('\\t')).sort().join('\\n'))
"
cp iso-3166/license "$here/iso3166.LICENSE"
