/** What the pages say of each measure: its name, its unit and where good ends. */
import type { Measure, Quantity } from '../view/view'

export type Unit = 'share' | 'ms' | 'mos' | 'bps' | 'per_second'

export interface MeasureText {
    name: string
    /** One sentence for a reader who has never heard of it. */
    meaning: string
    unit: Unit
    higherIsWorse: boolean
    /** Whether the API adjusts it to a common mix. */
    adjusted: boolean
    /** Six limits between the seven colours of the map, from good to bad. */
    steps: readonly number[]
}

export const MEASURE_TEXTS: Record<Measure, MeasureText> = {
    poor_share: {
        name: 'Poor share',
        meaning: 'Share of call time in which audio or video was poor.',
        unit: 'share',
        higherIsWorse: true,
        adjusted: true,
        steps: [0.01, 0.02, 0.04, 0.07, 0.12, 0.2],
    },
    round_trip_p95: {
        name: 'Round trip, p95',
        meaning: 'Round-trip time that 95 % of call time stays below.',
        unit: 'ms',
        higherIsWorse: true,
        adjusted: false,
        steps: [80, 120, 180, 250, 350, 500],
    },
    loss: {
        name: 'Packet loss',
        meaning: 'Share of packets that were lost on the way.',
        unit: 'share',
        higherIsWorse: true,
        adjusted: true,
        steps: [0.002, 0.005, 0.01, 0.02, 0.035, 0.06],
    },
    mos: {
        name: 'MOS',
        meaning: 'Estimated opinion of listeners, from 1 (bad) to 5 (excellent): the median.',
        unit: 'mos',
        higherIsWorse: false,
        adjusted: false,
        steps: [4.3, 4.2, 4.05, 3.9, 3.6, 3.2],
    },
    setup_failures: {
        name: 'Set-up failures',
        meaning: 'Share of attempts to join a call in which no connection worked.',
        unit: 'share',
        higherIsWorse: true,
        adjusted: true,
        steps: [0.002, 0.005, 0.01, 0.02, 0.04, 0.08],
    },
    time_to_media: {
        name: 'Time to media',
        meaning: 'Time from joining until the first audio or video arrives: the median.',
        unit: 'ms',
        higherIsWorse: true,
        adjusted: false,
        steps: [400, 700, 1000, 1500, 2200, 3500],
    },
}

export const QUANTITY_TEXTS: Record<Quantity, { name: string; unit: Unit; logarithmic: boolean }> = {
    round_trip_ms: { name: 'Round-trip time', unit: 'ms', logarithmic: true },
    jitter_ms: { name: 'Jitter', unit: 'ms', logarithmic: true },
    loss: { name: 'Packet loss', unit: 'share', logarithmic: false },
    bit_rate_bps: { name: 'Bit rate', unit: 'bps', logarithmic: true },
    frame_rate: { name: 'Frame rate', unit: 'per_second', logarithmic: false },
    audio_mos: { name: 'MOS of audio', unit: 'mos', logarithmic: false },
    video_mos: { name: 'MOS of video', unit: 'mos', logarithmic: false },
    time_to_media_ms: { name: 'Time to media', unit: 'ms', logarithmic: true },
}
