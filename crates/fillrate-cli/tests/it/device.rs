//! `--device` on the verbs over prices, with a GPU or without one.

use crate::desk::Desk;

const PRICES: &str = "\
symbol,date,open,high,low,close
A,2024-01-02,99,101,98,100
A,2024-01-03,101,111,100,110
A,2024-01-04,109,112,97,99
A,2024-01-05,100,109,99,108.9
A,2024-01-08,108,110,90,91
A,2024-01-09,92,99,91,98
";

const OPTION: [&str; 13] = [
    "price", "--right", "call", "--spot", "42", "--strike", "40", "--rate", "0.1", "--vol", "0.2",
    "--expiry", "0.5",
];

/// What a verb says and gives on the processor, by choice or by default, and what a GPU makes of it: the
/// same bytes, or one line that says why it cannot be used.
#[track_caller]
fn check(verb: &'static str, arguments: &[&str]) {
    let desk = Desk::of_verb(verb);
    desk.put("p.csv", PRICES);
    desk.put("pair.csv", PAIR);
    desk.put("q.csv", QUOTES);
    let on = |device: &str| desk.run(&[arguments, &["--device", device]].concat());
    let expected = desk.run(arguments).succeeds();
    for device in ["auto", "cpu"] {
        assert_eq!(on(device).succeeds().text(), expected.text(), "{verb} --device {device}");
    }
    let on_gpu = on("cuda");
    if on_gpu.code == Some(0) {
        assert_eq!(on_gpu.text(), expected.text());
        assert!(on_gpu.stderr.contains("computed on cuda:0"), "{}", on_gpu.stderr);
    } else {
        assert_eq!((on_gpu.code, on_gpu.text()), (Some(1), ""));
        let errors: Vec<&str> =
            on_gpu.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", on_gpu.stderr);
        assert!(errors[0].starts_with("error: cannot compute on the GPU: "), "{errors:?}");
        assert!(on_gpu.stderr.contains("\nhint: `fillrate doctor`"), "{}", on_gpu.stderr);
    }
}

const QUOTES: &str = "\
right,price,spot,strike
call,3.1,100,110
put,12,100,110
put,1e-200,100,11
call,120,100,110
";

const PAIR: &str = "\
symbol,date,close
A,2024-01-02,100
B,2024-01-02,50
A,2024-01-03,110
B,2024-01-03,49
A,2024-01-04,99
B,2024-01-04,51
A,2024-01-05,108.9
B,2024-01-05,51.5
A,2024-01-08,91
B,2024-01-08,50
";

#[test]
fn the_processor_and_a_gpu_give_the_same_bytes() {
    check("options", &OPTION);
    check("options", &[&OPTION[..], &["--kind", "american"]].concat());
    check("options", &[&OPTION[..], &["--kind", "asian-geometric"]].concat());
    let barrier = ["--kind", "barrier", "--barrier", "35", "--barrier-kind", "down-out"];
    check("options", &[&OPTION[..], &barrier].concat());
    let quote = [&["iv", "--price", "4.76"], &OPTION[1..9], &OPTION[11..]].concat();
    check("options", &quote);
    check("options", &["iv", "q.csv", "--rate", "0.01", "--expiry", "0.5", "--on-error", "skip"]);
    let asian = ["--kind", "asian-arithmetic", "--fixings", "4", "--paths", "2000"];
    check("options", &[&OPTION[..], &asian].concat());
    let asset =
        ["--spot", "100", "--vol", "0.2", "--expiry", "1", "--paths", "5000", "--steps", "5"];
    check("montecarlo", &asset);
    check("indicators", &["p.csv", "--sma", "3", "--ema", "2", "--rsi", "2", "--sma", "900"]);
    check("indicators", &["p.csv", "--momentum", "2", "--stoch", "2,2,2", "--signal", "momentum"]);
    check("backtest", &["p.csv", "--strategy", "ma-crossover", "--grid", "fast=1:2,slow=2:3"]);
    check("waves", &["p.csv", "--open-ends", "--surrogates", "9"]);
    check("risk", &["p.csv"]);
    check("risk", &["pair.csv", "--log-returns", "--benchmark", "B", "--method", "parametric"]);
    for more in [&["--covariance", "ewma"][..], &["--frontier", "3"]] {
        let objective = if more[0] == "--frontier" { "min-cvar" } else { "min-variance" };
        let arguments = ["pair.csv", "--objective", objective, "--long-only"];
        check("portfolio", &[&arguments[..], more].concat());
    }
}

/// What no GPU computes: the processor does, and a flag that asks for a GPU is told so.
#[test]
fn the_processor_computes_what_has_no_kernel_and_says_so() {
    let told = |verb: &'static str, arguments: &[&str], what: &str| {
        let desk = Desk::of_verb(verb);
        desk.put("p.csv", PRICES);
        let expected = desk.run(arguments).succeeds();
        let asked = desk.run(&[arguments, &["--device", "cuda:1"]].concat()).succeeds();
        assert_eq!(asked.text(), expected.text());
        let warning = format!(
            "warning: --device cuda:1: {what} has no CUDA kernel, so the processor computes it"
        );
        assert!(asked.stderr.lines().any(|line| line == warning), "{}", asked.stderr);
        // A setting for all verbs means those that can.
        desk.put("fillrate.toml", "device = \"cuda\"\n");
        let set = desk.run(arguments).succeeds();
        assert!(set.text() == expected.text() && !set.stderr.contains("CUDA"), "{}", set.stderr);
    };
    told("waves", &["p.csv"], "waves without --surrogates");
    told("waves", &["backtest", "p.csv"], "waves backtest");
    let option = [&OPTION[..], &["--method", "binomial"]].concat();
    told("options", &option, "--method binomial");
    // The ends are a GPU's work, so that one that is not there is an error all the same.
    let paths = ["--spot", "9", "--vol", "0.2", "--expiry", "1", "--paths", "2", "--steps", "2"];
    let asked = [&paths[..], &["--paths-out", "paths.csv", "--device", "cuda:1"]].concat();
    let asked = Desk::of_verb("montecarlo").run(&asked);
    let warning = "--device cuda:1: --paths-out has no CUDA kernel, so the processor computes it";
    assert!(asked.stderr.contains(warning), "{}", asked.stderr);
}
