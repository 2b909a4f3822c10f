//! Headlines made up for measuring, so that a profile needs no file and has no duplicates to
//! profit from.

const COMPANIES: [&str; 16] = [
    "Northwind Energy",
    "Halden Systems",
    "Copperfield Bank",
    "Aster Biotech",
    "Meridian Freight",
    "Bluewater Foods",
    "Orchard Semiconductor",
    "Kestrel Airlines",
    "Summit Retail",
    "Vega Motors",
    "Lakeshore Insurance",
    "Pinnacle Software",
    "Granite Mining",
    "Harbor Media",
    "Sterling Pharma",
    "Redwood Telecom",
];

const EVENTS: [&str; 16] = [
    "beats estimates as quarterly revenue climbs",
    "misses profit forecast after costs rise",
    "raises full-year guidance on strong demand, sales up",
    "cuts its dividend while margins shrink",
    "wins regulatory approval for a new product, shares gain",
    "recalls devices after reports of faults, stock drops",
    "to buy a smaller rival in a deal that lifts sales",
    "is sued by investors over its accounts after a loss of",
    "names a new finance chief; analysts expect growth of",
    "delays the opening of its plant and lowers output by",
    "reports steady orders, with a change in earnings of",
    "sells its logistics arm and reduces debt by",
    "warns of weak demand in Europe, bookings down",
    "is upgraded by analysts who see earnings rise",
    "issues new shares below the market price, diluting holders by",
    "extends its buyback after cash flow improves",
];

const CLOSINGS: [&str; 8] = [
    "in the third quarter",
    "from a year earlier",
    "despite higher rates",
    "on a stronger dollar",
    "ahead of the holidays",
    "for the second time this year",
    "as inflation eases",
    "before the market opens",
];

/// Tenths of a percent that a figure in a headline may have.
const FIGURES: usize = 997;

/// How many headlines there are before one comes again.
#[cfg(test)]
pub(super) const DISTINCT: usize = FIGURES * COMPANIES.len() * EVENTS.len() * CLOSINGS.len();

/// The headline number `index`; the first two million are all different.
///
/// `FIGURES` has no factor in common with the number of the other parts' combinations, so that
/// counting both up together meets every pair once before one comes again.
pub(super) fn headline(index: usize) -> String {
    let parts = index % (COMPANIES.len() * EVENTS.len() * CLOSINGS.len());
    let company = COMPANIES[parts % COMPANIES.len()];
    // Neighbours differ in everything, as the lines of a feed do.
    let event = EVENTS[(parts / COMPANIES.len() + parts) % EVENTS.len()];
    let closing = CLOSINGS[(parts / (COMPANIES.len() * EVENTS.len()) + parts) % CLOSINGS.len()];
    let figure = index % FIGURES + 3;
    format!("{company} {event} {}.{}% {closing}", figure / 10, figure % 10)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_headlines_are_alike() {
        let headlines: HashSet<String> = (0..DISTINCT).step_by(7).map(headline).collect();
        assert_eq!(headlines.len(), DISTINCT.div_ceil(7));
        let first: HashSet<String> = (0..20_000).map(headline).collect();
        assert_eq!(first.len(), 20_000);
    }

    #[test]
    fn a_headline_is_always_the_same() {
        assert_eq!(
            headline(18),
            "Copperfield Bank cuts its dividend while margins shrink 2.1% despite higher rates"
        );
    }
}
