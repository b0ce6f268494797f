import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { continentOf, COUNTRIES, EXTENTS } from '../../src/map/countries'
import { draw, loadAtlas } from '../../src/map/shapes'

const enrich = new URL('../../../../enrich/data/', import.meta.url)
/** Codes that enrich accepts as countries: ISO 3166-1 and Kosovo's. */
const codes = readFileSync(new URL('iso3166.tsv', enrich), 'utf8')
    .split('\n')
    .map((line) => line.split('\t')[0] ?? '')
    .filter((code) => code.length === 2)
    .concat('XK')
const { continents } = JSON.parse(readFileSync(new URL('continents.json', enrich), 'utf8')) as { continents: Record<string, string> }
const [WIDTH, HEIGHT] = [860, 416]

describe('the map', () => {
    it('holds every country of the look-up data, on its continent', () => {
        expect(COUNTRIES.map(({ code }) => code).sort()).toEqual([...codes].sort())
        for (const code of codes) expect(continents[continentOf(code) ?? '']?.split(' ')).toContain(code)
    })

    it('draws each as a shape or as a circle inside the picture', async () => {
        const map = draw(await loadAtlas(), 'world', WIDTH, HEIGHT)
        expect(map.countries).toHaveLength(250)
        for (const { code, path, circle } of map.countries) {
            if (path !== undefined) expect(path, code).toMatch(/^M-?\d/)
            else expect(circle && circle.x > 0 && circle.x < WIDTH && circle.y > 0 && circle.y < HEIGHT, code).toBe(true)
        }
        expect(map.others).toHaveLength(2)
    })

    it('draws all countries of a continent that is shown alone', async () => {
        const atlas = await loadAtlas()
        for (const extent of Object.keys(EXTENTS).filter((code) => continents[code])) {
            const drawn = draw(atlas, extent, WIDTH, HEIGHT).countries.filter(({ continent }) => continent === extent)
            expect(drawn.length, extent).toBe(continents[extent]?.split(' ').filter((code) => codes.includes(code)).length)
        }
    })
})
