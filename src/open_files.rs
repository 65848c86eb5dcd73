//! How many files the process may have open: a connection, of the API as of the page, takes two
//! descriptors, and an exporter that gets none loses spans.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the log, the runtime and the exporters need, and something to spare.
const OTHERS: u64 = 128;

/// Descriptors of one connection: Actix's, and that of [`crate::connection`].
const PER_CONNECTION: u64 = 2;

/// How many connections the process may have open at most. Raises the soft limit to the hard one first,
/// as Go's runtime does: the soft one is a matter of `select(2)`, which nobody here uses.
pub(crate) fn connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = current != maximum
        && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    // Without a limit there is nothing to keep to.
    let limit = if raised { maximum } else { current };
    limit.map_or(usize::MAX, within)
}

fn within(files: u64) -> usize {
    let connections = files.saturating_sub(OTHERS) / PER_CONNECTION;
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_is_left_to_them() {
        for (files, connections) in [(1024, 448), (130, 1), (128, 1), (0, 1)] {
            assert_eq!(within(files), connections, "{files}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised() {
        assert!(connections() > 0);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
