/** Every country of the look-up data, and how it is drawn: as a shape of the 110m map or as a circle. */
import table from './countries.json'

export interface Country {
    code: string
    continent: string
    /** Key of the shape on the 110m map: the ISO 3166-1 numeric code, or Kosovo's name. */
    shape?: string
    /** Longitude and latitude of the circle, in degrees, for a country that the 110m map leaves out. */
    point?: [number, number]
}

type Entry = [code: string, continent: string, shape: string] | [code: string, continent: string, longitude: number, latitude: number]

export const COUNTRIES: readonly Country[] = (table as Entry[]).map((entry) =>
    entry.length === 3
        ? { code: entry[0], continent: entry[1], shape: entry[2] }
        : { code: entry[0], continent: entry[1], point: [entry[2], entry[3]] },
)

const byCode = new Map(COUNTRIES.map((country) => [country.code, country]))

/** Returns the continent's code of a country. */
export function continentOf(code: string): string | undefined {
    return byCode.get(code)?.continent
}

/** Longitude and latitude of the corners that the map shows of a continent: west, south, east, north. */
export const EXTENTS: Record<string, [number, number, number, number]> = {
    AF: [-18, -35, 52, 37],
    AN: [-180, -85, 180, -60],
    AS: [26, -10, 148, 60],
    EU: [-24, 35, 45, 71],
    NA: [-168, 7, -52, 74],
    OC: [110, -48, 180, 12],
    SA: [-82, -55, -34, 13],
    world: [-179, -56, 179, 79],
}
