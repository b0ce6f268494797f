-- States of sketches, 32 of each quantity, by the function that the views merge with.
WITH
    (
        SELECT groupArray((round_trip, jitter, lost, bit_rate, frames, audio, video, media))
        FROM
        (
            SELECT
                number % 32 AS one,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(20. + 8 * one + x % 90) AS String) AS round_trip,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(1. + one + x % 20) AS String) AS jitter,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(one / 1000 + x % 10 / 100) AS String) AS lost,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(40000. * (1 + one) + 100 * x) AS String) AS bit_rate,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(10. + x % 20) AS String) AS frames,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(4.4 - one / 30 - x % 10 / 10) AS String) AS audio,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(4.2 - one / 30 - x % 10 / 10) AS String) AS video,
                CAST(quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(400. + 20 * one + x % 900) AS String) AS media
            FROM (SELECT number, cityHash64(number) % 1000 AS x FROM numbers(3200))
            GROUP BY one
            ORDER BY one
        )
    ) AS states
