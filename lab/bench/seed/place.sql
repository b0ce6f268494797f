-- Columns of a place `q`: one of 40 countries (fewer if there are fewer places), and up to eight providers in each.
-- `r` counts the places of a country. Small numbers are most frequent.
        if(q % 5 = 4, 'shop', 'meet') AS app,
        least(40, {places}) AS countries,
        1 + intDiv(q * countries, {places}) AS country_number,
        toUInt32(q - intDiv((country_number - 1) * {places} + countries - 1, countries)) AS r,
        ['US', 'BR', 'IN', 'DE', 'GB', 'FR', 'NG', 'ID', 'MX', 'JP', 'ES', 'IT', 'PL', 'TR', 'ZA', 'KE', 'EG', 'AR', 'CO',
         'CA', 'AU', 'NZ', 'SE', 'NO', 'FI', 'DK', 'NL', 'BE', 'CH', 'AT', 'PT', 'GR', 'CZ', 'RO', 'HU', 'TH', 'VN', 'PH',
         'MY', 'KR'][country_number] AS country,
        ['NA', 'SA', 'AS', 'EU', 'EU', 'EU', 'AF', 'AS', 'NA', 'AS', 'EU', 'EU', 'EU', 'AS', 'AF', 'AF', 'AF', 'SA', 'SA',
         'NA', 'OC', 'OC', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'EU', 'AS', 'AS', 'AS',
         'AS', 'AS'][country_number] AS continent,
        concat(country, '-', toString(intDiv(r, 8))) AS subdivision,
        toInt64(64500 + country_number * 8 + r % 8) AS asn,
        concat(country, ' Net ', toString(r % 8)) AS organisation,
        cityHash64(organisation) % 25 AS poor_percent
