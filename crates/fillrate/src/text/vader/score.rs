//! The four scores from the words' valences.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Polarity;

/// What approximates the greatest expected sum of valences, squared.
const NORMALIZATION_ALPHA: f64 = 15.0;

/// What each exclamation mark adds to the emphasis, up to four of them.
const EXCLAMATION: f64 = 0.292;

/// What each question mark adds to the emphasis where there are two or three.
const QUESTION: f64 = 0.18;

/// What four question marks or more add to the emphasis.
const QUESTIONS_MAX: f64 = 0.96;

/// Halves what comes before the word `but`, which is at index `but`, and raises what comes after
/// it by half.
///
/// Python looks each valence up by its value and changes the first equal one, not the one it came
/// by: a word whose valence equals an earlier one's leaves its own as it is, and the earlier one
/// changes again. The places of each value are kept in heaps here, because searching them anew
/// would take quadratic time. Zeros need no place: no factor changes them.
pub(super) fn weigh_around_but(sentiments: &mut [(usize, f64)], but: usize) {
    let mut places: HashMap<u64, BinaryHeap<Reverse<usize>>> = HashMap::new();
    for (place, (_, valence)) in sentiments.iter().enumerate() {
        places.entry(valence.to_bits()).or_default().push(Reverse(place));
    }
    for at in 0..sentiments.len() {
        let equal = places.get_mut(&sentiments[at].1.to_bits());
        let Some(Reverse(first)) = equal.and_then(BinaryHeap::pop) else { continue };
        let (word, valence) = &mut sentiments[first];
        *valence *= if *word < but { 0.5 } else { 1.5 };
        places.entry(valence.to_bits()).or_default().push(Reverse(first));
    }
}

/// The scores of a text of `words` words, of which all but `sentiments` have a valence of zero.
pub(super) fn polarity(sentiments: &[(usize, f64)], words: usize, text: &str) -> Polarity {
    if words == 0 {
        return Polarity::default();
    }
    let emphasis = emphasis(text);
    let (mut sum, mut positive, mut negative) = (0.0, 0.0, 0.0);
    for &(_, valence) in sentiments {
        sum += valence;
        // The 1 makes up for neutral words, each of which counts as 1.
        if valence > 0.0 {
            positive += valence + 1.0;
        } else {
            negative -= valence - 1.0;
        }
    }
    let neutral = (words - sentiments.len()) as f64;

    if sum > 0.0 {
        sum += emphasis;
    } else if sum < 0.0 {
        sum -= emphasis;
    }
    if positive > negative {
        positive += emphasis;
    } else if positive < negative {
        negative += emphasis;
    }
    let total = positive + negative + neutral;
    let compound = (sum / (sum * sum + NORMALIZATION_ALPHA).sqrt()).clamp(-1.0, 1.0);
    Polarity {
        negative: round(negative / total, 1e3),
        neutral: round(neutral / total, 1e3),
        positive: round(positive / total, 1e3),
        compound: round(compound, 1e4),
    }
}

/// What the exclamation and question marks of a text add to its intensity.
fn emphasis(text: &str) -> f64 {
    let count = |mark| text.bytes().filter(|byte| *byte == mark).count();
    let exclamations = count(b'!').min(4) as f64 * EXCLAMATION;
    let questions = match count(b'?') {
        0 | 1 => 0.0,
        questions @ (2 | 3) => questions as f64 * QUESTION,
        _ => QUESTIONS_MAX,
    };
    exclamations + questions
}

/// Python's `round` to the decimals of `scale`, a power of ten: the double nearest to the decimal
/// nearest to the value of `x`, which is in [−1, 1], taken as the exact fraction it is; ties to even.
fn round(x: f64, scale: f64) -> f64 {
    let product = x.abs() * scale;
    // `product + error` is the scaled value without rounding, and what is taken from `product`
    // here is exact, so that the sign of `past_half` is right however near the half is.
    let error = x.abs().mul_add(scale, -product);
    let whole = product.floor();
    let past_half = (product - whole - 0.5) + error;
    let up = past_half > 0.0 || past_half == 0.0 && whole as u64 % 2 == 1;
    let rounded = if up { whole + 1.0 } else { whole };
    // Both numbers are whole, so that the quotient is the double nearest to the decimal.
    (rounded / scale).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_exact_decimal_expansion() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        let check = |x: f64| {
            for (scale, decimals) in [(1e3, 3), (1e4, 4)] {
                let expected: f64 = format!("{x:.decimals$}").parse().unwrap();
                assert_eq!(round(x, scale).to_bits(), expected.to_bits(), "{x:e} {decimals}");
            }
        };
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            check((bits >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0);
        }
        // The doubles at and around each half of the last digit, where products round the wrong way.
        for half in 0..20_000 {
            let x = f64::from(half) / 20_000.0;
            for x in [x, x.next_up(), x.next_down()] {
                check(x);
                check(-x);
            }
        }
        // Exact ties go to the even digit.
        assert!((round(0.062_5, 1e3) - 0.062).abs() < 1e-12);
        assert!((round(0.187_5, 1e3) - 0.188).abs() < 1e-12);
        assert!((round(0.031_25, 1e4) - 0.031_2).abs() < 1e-12);
    }

    #[test]
    fn an_equal_valence_before_is_weighed_instead() {
        // Word 2 halves to word 0's new value; word 4 then finds word 0 first.
        let mut sentiments = [(0, 2.0), (2, 1.0), (4, 0.5)];
        weigh_around_but(&mut sentiments, 5);
        assert_eq!(
            sentiments.map(|(_, valence)| valence.to_bits()),
            [0.25_f64, 1.0, 0.5].map(f64::to_bits)
        );
    }

    #[test]
    fn emphasis_saturates() {
        assert!((emphasis("!!!!!!") - 1.168).abs() < 1e-12);
        assert!(emphasis("?").abs() < 1e-12);
        assert!((emphasis("??") - 0.36).abs() < 1e-12);
        assert!((emphasis("?????") - 0.96).abs() < 1e-12);
    }
}
