//! Quadratic and linear programs, solved by Clarabel and checked afterwards.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT,
};

use super::covariance::Matrix;
use crate::{Error, Result};

/// The solver's tolerances of feasibility and of the gap. Programs here are of numbers about 1.
const TOLERANCE: f64 = 1e-10;
/// What is still called solved where the solver can get no further.
const TOLERANCE_REDUCED: f64 = 1e-7;
/// The residual above which an answer is none.
const RESIDUAL_MAX: f64 = 1e-5;
/// The share of the heaviest constraint of a proof of infeasibility below which one counts for nothing.
const SHARE_NAMED: f64 = 1e-6;
/// The most constraints that are tried one by one: each takes a solution.
const FILTERED_MAX: usize = 250;
/// The most constraints that a message names.
const NAMED_MAX: usize = 6;

/// A constraint: Σ terms ≤ bound, or = bound.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// What it means to a reader.
    pub(super) name: String,
    /// Variables and their factors, each variable once.
    pub(super) terms: Vec<(usize, f64)>,
    pub(super) bound: f64,
    pub(super) is_equality: bool,
}

impl Row {
    pub(super) fn most(name: String, terms: Vec<(usize, f64)>, bound: f64) -> Self {
        Self { name, terms, bound, is_equality: false }
    }

    pub(super) fn least(name: String, mut terms: Vec<(usize, f64)>, bound: f64) -> Self {
        for (_, factor) in &mut terms {
            *factor = -*factor;
        }
        Self { name, terms, bound: -bound, is_equality: false }
    }
}

/// The least of ½ xᵀ P x + cᵀ x where the rows hold.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The columns of the upper triangle of P over the first variables.
    quadratic: Vec<Vec<f64>>,
    /// c, shape `[variables]`.
    pub(super) linear: Vec<f64>,
    pub(super) rows: Vec<Row>,
}

/// A solved program.
#[derive(Clone, Debug)]
pub(super) struct Solution {
    /// Shape `[variables]`.
    pub(super) x: Vec<f64>,
    /// The largest violation of a condition of Karush, Kuhn and Tucker.
    pub(super) residual: f64,
}

impl Program {
    /// A program without an objective and without rows.
    pub(super) fn new(variables: usize) -> Self {
        Self { quadratic: Vec::new(), linear: vec![0.0; variables], rows: Vec::new() }
    }

    /// Makes the first variables' covariance, in units of its mean variance, the objective.
    pub(super) fn set_quadratic(&mut self, covariance: &Matrix) {
        let scale = covariance.scale();
        let column = |j: usize| covariance.row(j)[..=j].iter().map(|x| x / scale).collect();
        self.quadratic = (0..covariance.n).map(column).collect();
    }

    /// Solves it.
    ///
    /// # Errors
    ///
    /// If no x keeps the rows, or the solver finds none.
    pub(super) fn solve(mut self) -> Result<Solution> {
        self.rows.sort_by_key(|row| !row.is_equality);
        let mut solver = self.solver()?;
        solver.solve();
        let found = &solver.solution;
        match found.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {}
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
                let conflict = self.in_conflict(&found.z);
                let message =
                    format!("no portfolio has all of {conflict} (solver: {})", found.status);
                return Err(failed(message));
            }
            status => return Err(failed(format!("the solver found no answer: {status}"))),
        }
        let residual = self.residual(&found.x, &found.z);
        // NaN is no answer either.
        if residual.is_nan() || residual > RESIDUAL_MAX {
            let message = format!("the solver's answer is off by {residual:e} ({})", found.status);
            return Err(failed(message));
        }
        Ok(Solution { x: found.x.clone(), residual })
    }

    fn p(&self) -> CscMatrix<f64> {
        let variables = self.linear.len();
        let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
        for column in &self.quadratic {
            rows.extend(0..column.len());
            values.extend_from_slice(column);
            starts.push(values.len());
        }
        starts.resize(variables + 1, values.len());
        CscMatrix::new(variables, variables, starts, rows, values)
    }

    fn a(&self) -> CscMatrix<f64> {
        let variables = self.linear.len();
        let mut columns: Vec<Vec<(usize, f64)>> = vec![Vec::new(); variables];
        for (place, row) in self.rows.iter().enumerate() {
            for (variable, factor) in &row.terms {
                columns[*variable].push((place, *factor));
            }
        }
        let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
        for column in &columns {
            rows.extend(column.iter().map(|(row, _)| *row));
            values.extend(column.iter().map(|(_, value)| *value));
            starts.push(values.len());
        }
        CscMatrix::new(self.rows.len(), variables, starts, rows, values)
    }

    /// Constraints that no x keeps together, of which none can be spared.
    ///
    /// A proof of infeasibility by an interior point rests a little on every constraint that it can.
    /// So those that it rests on are left out one after the other, where the rest is infeasible still.
    ///
    /// Source: Chinneck & Dravnieks, "Locating minimal infeasible constraint sets in linear programs"
    /// (1991), the deletion filter.
    fn in_conflict(&self, proof: &[f64]) -> String {
        let weight = |row: usize| {
            let row_size = self.rows[row].terms.iter().map(|(_, a)| a.abs()).fold(0.0, f64::max);
            proof[row].abs() * row_size
        };
        let most = (0..proof.len()).map(weight).fold(0.0, f64::max);
        let mut rows: Vec<usize> = (0..proof.len()).collect();
        rows.retain(|row| weight(*row) >= SHARE_NAMED * most);
        rows.sort_by(|one, other| weight(*one).total_cmp(&weight(*other)));
        if rows.len() <= FILTERED_MAX {
            for row in rows.clone() {
                let rest: Vec<usize> = rows.iter().copied().filter(|other| *other != row).collect();
                if self.is_infeasible(&rest) {
                    rows = rest;
                }
            }
        }
        rows.reverse();
        let mut names: Vec<&str> = Vec::new();
        for row in rows {
            let name = &*self.rows[row].name;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let more = names.len().saturating_sub(NAMED_MAX);
        names.truncate(NAMED_MAX);
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{}{rest}", names.join("; "))
    }

    /// Whether no x keeps these rows.
    fn is_infeasible(&self, rows: &[usize]) -> bool {
        let mut program = Self::new(self.linear.len());
        program.rows = rows.iter().map(|row| self.rows[*row].clone()).collect();
        program.rows.sort_by_key(|row| !row.is_equality);
        let status = program.solver().map(|mut solver| {
            solver.solve();
            solver.solution.status
        });
        matches!(status, Ok(SolverStatus::PrimalInfeasible))
    }

    /// The solver of the rows, of which equalities come first, as its cones are laid out.
    fn solver(&self) -> Result<DefaultSolver<f64>> {
        let equalities = self.rows.iter().take_while(|row| row.is_equality).count();
        let cones = [ZeroConeT(equalities), NonnegativeConeT(self.rows.len() - equalities)];
        let bounds: Vec<f64> = self.rows.iter().map(|row| row.bound).collect();
        let (p, a) = (self.p(), self.a());
        let solver = DefaultSolver::new(&p, &self.linear, &a, &bounds, &cones, settings());
        solver.map_err(|error| failed(format!("the solver refused it: {error}")))
    }

    /// The largest violation of: P x + c + Aᵀ z = 0; A x ≤ b, with equality where it is asked for;
    /// z ≥ 0 elsewhere; and z (b − A x) = 0.
    fn residual(&self, x: &[f64], z: &[f64]) -> f64 {
        let mut gradient = self.linear.clone();
        for (j, column) in self.quadratic.iter().enumerate() {
            for (i, value) in column.iter().enumerate() {
                gradient[i] += value * x[j];
                if i != j {
                    gradient[j] += value * x[i];
                }
            }
        }
        let mut largest: f64 = 0.0;
        for (row, z) in self.rows.iter().zip(z) {
            let value: f64 = row.terms.iter().map(|(variable, factor)| factor * x[*variable]).sum();
            for (variable, factor) in &row.terms {
                gradient[*variable] += factor * z;
            }
            let slack = row.bound - value;
            let violation =
                if row.is_equality { slack.abs() } else { (-slack).max(-z).max((z * slack).abs()) };
            largest = largest.max(violation);
        }
        gradient.iter().map(|value| value.abs()).fold(largest, f64::max)
    }
}

fn settings() -> DefaultSettings<f64> {
    DefaultSettings {
        verbose: false,
        max_threads: 1,
        direct_solve_method: "qdldl".to_owned(),
        tol_gap_abs: TOLERANCE,
        tol_gap_rel: TOLERANCE,
        tol_feas: TOLERANCE,
        reduced_tol_gap_abs: TOLERANCE_REDUCED,
        reduced_tol_gap_rel: TOLERANCE_REDUCED,
        reduced_tol_feas: TOLERANCE_REDUCED,
        ..DefaultSettings::default()
    }
}

fn failed(message: String) -> Error {
    Error::Argument { name: "portfolio", message }
}
