//! Differential test of the cache: after random edits, a run that may skip steps ends in the same machine as a run
//! that has never seen the repository.
//!
//! A scenario is a random tree, random instructions and random batches of edits, all from a seed. A failing one is made
//! smaller before it is shown. `LAYERC_DIFFERENTIAL_ROUNDS` sets how many are tried (24 unless told; 1000 for the full
//! bench), `LAYERC_DIFFERENTIAL_SEED` where they start.

#[cfg(test)]
mod check;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod random;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod shrink;

#[cfg(test)]
mod tests {
    use crate::check::{Scratch, check};
    use crate::generate::scenario;
    use crate::random::Random;
    use crate::shrink::smallest;

    /// A number from the environment.
    fn setting(name: &str, otherwise: u64) -> u64 {
        match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
            Err(_) => otherwise,
        }
    }

    #[test]
    fn cached_runs_end_like_runs_from_scratch() {
        let rounds = setting("LAYERC_DIFFERENTIAL_ROUNDS", 24);
        let seed = setting("LAYERC_DIFFERENTIAL_SEED", 1);
        let mut scratch = Scratch::new();
        let mut comparisons = 0;
        for round in 0..rounds {
            let scenario = scenario(&mut Random::new(seed + round));
            match check(&scenario, &mut scratch) {
                Ok(compared) => {
                    comparisons += compared;
                    if round % 50 == 49 {
                        println!("{} of {rounds} scenarios, {comparisons} pairs equal", round + 1);
                    }
                }
                Err(problem) => {
                    let (scenario, problem) = smallest(scenario, problem, &mut scratch);
                    panic!(
                        "seed {}: {problem}\nthe smallest scenario found:\n{scenario}",
                        seed + round
                    );
                }
            }
        }
        println!("{rounds} scenarios, {comparisons} pairs of runs compared, all equal");
        assert!(comparisons > 0, "nothing was compared");
    }
}
