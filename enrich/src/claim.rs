//! Conversion of claimed places and providers to the forms of look-up data.

use schemas::{Claim, Place, Provider};

use crate::iso;
use crate::place::{continent, continent_of, known};

/// Returns the claimed place. Parts that are missing, or have an invalid code, are unknown.
pub(crate) fn place(claim: &Claim) -> Place {
    let country = upper(claim.country.as_deref());
    let country = country.as_deref().and_then(iso::country);
    let claimed = upper(claim.continent.as_deref());
    let claimed = claimed.as_deref().and_then(continent);
    let text = claim.subdivision.as_deref().map(str::trim);
    let code = upper(text);
    let code = country.and_then(|country| iso::subdivision(country, code.as_deref()?));
    Place {
        continent: known(claimed.or_else(|| continent_of(country?))),
        country: known(country),
        subdivision: known(code.or(text)),
        city: known(claim.city.as_deref().map(str::trim)),
    }
}

/// Returns the claimed provider.
pub(crate) fn provider(claim: &Claim) -> Provider {
    Provider {
        asn: claim.asn.filter(|asn| (1..=i64::from(u32::MAX)).contains(asn)).unwrap_or(0),
        organisation: known(claim.organisation.as_deref().map(str::trim)),
        connection_type: known(None),
    }
}

fn upper(code: Option<&str>) -> Option<String> {
    code.map(|code| code.trim().to_uppercase())
}

#[cfg(test)]
mod tests {
    use schemas::UNKNOWN;

    use super::*;
    use crate::place::{unknown_place, unknown_provider};

    fn claim(country: &str, subdivision: &str) -> Claim {
        Claim {
            country: Some(country.to_owned()),
            subdivision: Some(subdivision.to_owned()),
            ..Claim::default()
        }
    }

    #[test]
    fn claims_take_the_forms_of_look_up_data() {
        for subdivision in ["BE", "de-be", " DE-BE "] {
            let place = place(&claim("de", subdivision));
            let reported = [&place.continent, &place.country, &place.subdivision, &place.city];
            assert_eq!(reported, ["EU", "DE", "DE-BE", UNKNOWN]);
        }
        assert_eq!(place(&claim("DE", "Land Berlin")).subdivision, "Land Berlin");
        let reported = Claim {
            continent: Some("oc".to_owned()),
            city: Some("Suva".to_owned()),
            asn: Some(64_500),
            organisation: Some(" Example ".to_owned()),
            ..Claim::default()
        };
        let place = place(&reported);
        assert_eq!((place.continent.as_str(), place.city.as_str()), ("OC", "Suva"));
        let provider = provider(&reported);
        assert_eq!((provider.asn, provider.organisation.as_str()), (64_500, "Example"));
    }

    #[test]
    fn an_invalid_code_is_unknown() {
        assert_eq!(place(&claim("Germany", "")), unknown_place());
        assert_eq!(place(&claim("ZZ", " ")), unknown_place());
        let world = Claim { continent: Some("World".to_owned()), ..Claim::default() };
        assert_eq!((place(&world), provider(&world)), (unknown_place(), unknown_provider()));
        for asn in [0, -1, 1 << 32] {
            assert_eq!(provider(&Claim { asn: Some(asn), ..Claim::default() }), unknown_provider());
        }
    }
}
