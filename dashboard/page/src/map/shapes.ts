/** Outlines of countries on a projection, as SVG paths. */
import { geoEqualEarth, geoPath } from 'd3-geo'
import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import type { MultiPoint } from 'geojson'

import { COUNTRIES, EXTENTS } from './countries'

type Atlas = Topology<{ countries: GeometryCollection<{ name: string }>; land: GeometryCollection }>

export interface DrawnCountry {
    code: string
    continent: string
    path?: string
    circle?: { x: number; y: number }
}

export interface DrawnMap {
    countries: DrawnCountry[]
    /** Land of no ISO code, such as Northern Cyprus. */
    others: string[]
    borders: string
}

/** Draws all countries into `width` × `height`, fitted to a continent's extent or to the world. */
export function draw(atlas: Atlas, extent: string, width: number, height: number): DrawnMap {
    const [west, south, east, north] = EXTENTS[extent] ?? EXTENTS['world'] ?? [-180, -90, 180, 90]
    const projection = geoEqualEarth()
    // The projection curves: the middles of the sides count as well as the corners.
    const [x, y] = [(west + east) / 2, (south + north) / 2]
    if (extent !== 'world') projection.rotate([-x, 0])
    const corners: MultiPoint = {
        type: 'MultiPoint',
        coordinates: [west, x, east].flatMap((longitude) => [south, y, north].map((latitude) => [longitude, latitude])),
    }
    projection.fitExtent([[4, 4], [width - 4, height - 4]], corners).precision(0.4)
    const path = geoPath(projection).digits(1)

    const shapes = feature(atlas, atlas.objects.countries).features
    const drawn = new Map(shapes.map((shape) => [shape.id?.toString() ?? shape.properties.name, path(shape) ?? '']))
    const countries = COUNTRIES.map(({ code, continent, shape, point }): DrawnCountry => {
        if (shape !== undefined) return { code, continent, path: take(drawn, shape) }
        const [cx, cy] = projection(point ?? [0, 0]) ?? [0, 0]
        return { code, continent, circle: { x: cx, y: cy } }
    })
    return { countries, others: [...drawn.values()], borders: path(mesh(atlas, atlas.objects.countries)) ?? '' }
}

function take(drawn: Map<string, string>, shape: string): string {
    const path = drawn.get(shape) ?? ''
    drawn.delete(shape)
    return path
}

/** Loads the outlines; they are a file of their own, so that they stay in the browser's cache. */
export async function loadAtlas(): Promise<Atlas> {
    const { default: atlas } = await import('world-atlas/countries-110m.json')
    return atlas as unknown as Atlas
}
