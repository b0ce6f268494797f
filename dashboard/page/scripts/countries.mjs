// Writes src/map/countries.json. Needs npm's iso-3166, which enrich's table comes from:
//   npm install --no-save iso-3166@4.4.0 && node scripts/countries.mjs
//
// One row a country of enrich's look-up data: [alpha-2, continent, numeric code on the 110m map].
// A country that the 110m map leaves out has its centroid in degrees instead: [.., .., longitude, latitude].
import { readFileSync, writeFileSync } from 'node:fs'
import { geoCentroid } from 'd3-geo'
import { feature } from 'topojson-client'

const enrich = new URL('../../../enrich/data/', import.meta.url)
const atlas = new URL('../node_modules/world-atlas/', import.meta.url)
const read = (url) => JSON.parse(readFileSync(url, 'utf8'))

// Codes that Natural Earth draws as a part of another country, with a point of their own.
const PARTS = {
    BQ: [-68.25, 12.18], BV: [3.35, -54.42], CC: [96.83, -12.17], CX: [105.63, -10.45], GF: [-53.1, 3.9],
    GP: [-61.55, 16.25], MQ: [-61.02, 14.65], RE: [55.53, -21.12], SJ: [16.0, 78.5], TK: [-171.85, -9.2],
    UM: [166.65, 19.28], YT: [45.15, -12.83],
}

const names = readFileSync(new URL('iso3166.tsv', enrich), 'utf8').split('\n').map((line) => line.split('\t'))
const codes = [...names.filter(([code]) => code.length === 2).map(([code]) => code), 'XK'].sort()
const continents = Object.entries(read(new URL('continents.json', enrich)).continents)
    .flatMap(([continent, list]) => list.split(' ').map((code) => [code, continent]))
const continentOf = Object.fromEntries(continents)

const shapes = (file) => {
    const topology = read(new URL(file, atlas))
    return feature(topology, topology.objects.countries).features
}
const small = shapes('countries-110m.json')
const large = shapes('countries-10m.json')

// Alpha-2 to numeric codes.
const { iso31661 } = await import(process.argv[2] ?? 'iso-3166')
const numericOf = Object.fromEntries(iso31661.map((row) => [row.alpha2, row.numeric]))

const round = (degrees) => Math.round(degrees * 100) / 100
const rows = codes.map((code) => {
    const numeric = numericOf[code]
    const is = (shape) => (code === 'XK' ? shape.properties.name === 'Kosovo' : shape.id === numeric)
    if (small.some(is)) return [code, continentOf[code], numeric ?? 'Kosovo']
    const point = PARTS[code] ?? geoCentroid(large.find(is) ?? missing(code))
    return [code, continentOf[code], round(point[0]), round(point[1])]
})

function missing(code) {
    throw new Error(`${code} is on no map: add a point of its own to PARTS`)
}

const text = `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`
writeFileSync(new URL('../src/map/countries.json', import.meta.url), text)
console.log(`${rows.length} countries, ${rows.filter((row) => row.length === 4).length} of them as points`)
