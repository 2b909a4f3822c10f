//! How an option of each kind is priced.

use fillrate::market::device::Computer;
use fillrate::market::options::{
    Exercise, Greeks, Kind, OptionSimulation, Right, Simulated, SimulationOptions, Terms, binomial,
    price, simulate_on,
};

use crate::cli::{KindName, MethodName, PriceOptionsArgs};
use crate::failure::hinted;

/// The steps of a tree if nothing is said.
const TREE_STEPS: u32 = 1001;

/// What was said of the method.
pub(super) struct Pricing {
    method: Option<MethodName>,
    simulation: SimulationOptions,
    tree_steps: u32,
}

impl Pricing {
    /// What the flags say.
    ///
    /// # Errors
    ///
    /// If a flag would have no effect on any option.
    pub(super) fn of(arguments: &PriceOptionsArgs) -> anyhow::Result<Self> {
        let PriceOptionsArgs { method, paths, seed, steps, kind, .. } = *arguments;
        let is_table = arguments.table.input.is_some();
        if !is_table {
            refuse_flags_of_other_kinds(arguments)?;
        }
        let simulates = match method {
            Some(method) => method == MethodName::MonteCarlo,
            None => is_table || kind == Some(KindName::AsianArithmetic),
        };
        for (flag, is_given) in [("--paths", paths.is_some()), ("--seed", seed.is_some())] {
            if is_given && !simulates {
                let message = format!("{flag}: nothing is simulated");
                return Err(hinted(message, "simulate it: --method monte-carlo"));
            }
        }
        let steps_mean_something =
            matches!(method, Some(MethodName::MonteCarlo | MethodName::Binomial));
        if steps.is_some() && !steps_mean_something {
            let hint = "name one: --method binomial, or monte-carlo beside a barrier";
            return Err(hinted("--steps: the method has none", hint));
        }
        let usual = SimulationOptions::default();
        let simulation = SimulationOptions {
            paths: paths.unwrap_or(usual.paths),
            seed: seed.unwrap_or(usual.seed),
            steps: steps.unwrap_or(usual.steps),
        };
        Ok(Self { method, simulation, tree_steps: steps.unwrap_or(TREE_STEPS) })
    }

    /// Whether a GPU has a kernel for the method, or for that of some kind.
    pub(super) fn may_use_kernel(&self) -> bool {
        self.method != Some(MethodName::Binomial)
    }

    /// How an option of a kind is priced.
    ///
    /// # Errors
    ///
    /// If the method that was asked for does not price it.
    pub(super) fn method_of(&self, kind: Kind) -> Result<MethodName, String> {
        let possible = methods_of(kind);
        let method = self.method.unwrap_or(possible[0]);
        if possible.contains(&method) {
            return Ok(method);
        }
        let names: Vec<&str> = possible.iter().map(|method| method.as_str()).collect();
        let (asked, names) = (method.as_str(), names.join(" or "));
        Err(format!("method: {asked} does not price this kind: take {names}"))
    }

    /// Price, Greeks and standard error of an option that is priced by itself.
    pub(super) fn values(
        &self,
        method: MethodName,
        (kind, right, terms): (Kind, Right, Terms),
        simulations: &Computer<OptionSimulation>,
    ) -> Result<Vec<Option<f64>>, String> {
        match method {
            MethodName::ClosedForm | MethodName::Spectral => {
                price(kind, right, terms).map(values_of).map_err(|error| error.to_string())
            }
            MethodName::Binomial => {
                let exercise = match kind {
                    Kind::American => Exercise::American,
                    _ => Exercise::European,
                };
                let price = binomial(exercise, right, terms, self.tree_steps)
                    .map_err(|error| error.to_string())?;
                Ok(vec![Some(price), None, None, None, None, None, None])
            }
            MethodName::MonteCarlo => {
                let simulated = simulate_on(simulations, kind, right, terms, &self.simulation)
                    .map_err(|error| error.to_string())?;
                let Simulated { price, std_error, delta, vega, theta, rho } = simulated;
                let (greeks, rest) = ([Some(price), Some(delta), None], [vega, theta, rho]);
                let error = (!std_error.is_nan()).then_some(std_error);
                Ok(greeks.into_iter().chain(rest.map(Some)).chain([error]).collect())
            }
        }
    }
}

/// Refuses a flag that has no effect on the one option that the flags are. Of a table's options some may
/// have what the flag says.
fn refuse_flags_of_other_kinds(arguments: &PriceOptionsArgs) -> anyhow::Result<()> {
    let PriceOptionsArgs { barrier, barrier_kind, rebate, fixings, .. } = arguments;
    let kind = arguments.kind.unwrap_or(KindName::European);
    let (barriers, means) =
        (&[KindName::Barrier][..], &[KindName::AsianGeometric, KindName::AsianArithmetic][..]);
    for (flag, is_given, kinds) in [
        ("--barrier", barrier.is_some(), barriers),
        ("--barrier-kind", barrier_kind.is_some(), barriers),
        ("--rebate", rebate.is_some(), barriers),
        ("--fixings", fixings.is_some(), means),
    ] {
        if is_given && !kinds.contains(&kind) {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let message = format!("{flag}: the kind {} has none", kind.as_str());
            let hint = format!("take a kind that has it: --kind {}", names.join(" or "));
            return Err(hinted(message, hint));
        }
    }
    Ok(())
}

/// The columns of a price without an error.
pub(super) fn values_of(greeks: Greeks) -> Vec<Option<f64>> {
    let Greeks { price, delta, gamma, vega, theta, rho } = greeks;
    [price, delta, gamma, vega, theta, rho].into_iter().map(Some).chain([None]).collect()
}

/// The methods of a kind, the default first.
fn methods_of(kind: Kind) -> &'static [MethodName] {
    match kind {
        Kind::European => &[MethodName::ClosedForm, MethodName::Binomial, MethodName::MonteCarlo],
        Kind::American => &[MethodName::Spectral, MethodName::Binomial],
        Kind::AsianArithmetic { .. } => &[MethodName::MonteCarlo],
        _ => &[MethodName::ClosedForm, MethodName::MonteCarlo],
    }
}
