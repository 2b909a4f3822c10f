//! Two texts of the same number of lines as a unified diff.

use std::fmt::Write as _;

/// Lines that are shown around a change.
const CONTEXT: usize = 3;

/// The difference, empty if there is none. An edit of scalars changes lines and neither adds nor
/// removes any, so that lines can be compared by their numbers.
///
/// Source: *The Open Group Base Specifications* Issue 8, utility `diff`, "Diff -u Output Format".
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let changed: Vec<usize> = (0..old.len()).filter(|&line| old[line] != new[line]).collect();
    if changed.is_empty() {
        return String::new();
    }
    let name = name.trim_start_matches('/');
    let mut diff = format!("--- a/{name}\n+++ b/{name}\n");
    for group in groups(&changed) {
        let from = group[0].saturating_sub(CONTEXT);
        let to = (group[group.len() - 1] + CONTEXT + 1).min(old.len());
        // Writing to a `String` cannot fail.
        let _ = writeln!(diff, "@@ -{0},{1} +{0},{1} @@", from + 1, to - from);
        let mut line = from;
        while line < to {
            let end = (line..to).find(|&line| old[line] == new[line]).unwrap_or(to);
            for (mark, lines) in [('-', &old), ('+', &new)] {
                lines[line..end].iter().for_each(|text| push(&mut diff, mark, text));
            }
            if end < to {
                push(&mut diff, ' ', old[end]);
            }
            line = end + 1;
        }
    }
    diff
}

/// Lines so close that their surroundings touch are shown together.
fn groups(lines: &[usize]) -> impl Iterator<Item = &[usize]> {
    lines.chunk_by(|one, other| other - one <= 2 * CONTEXT + 1)
}

fn push(diff: &mut String, mark: char, line: &str) {
    diff.push(mark);
    diff.push_str(line);
    if !line.ends_with('\n') {
        diff.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_what_diff_prints() {
        let lines: Vec<String> = (1..=20).map(|i| format!("line {i}\n")).collect();
        let before = lines.concat();
        let after = before.replace("line 2\n", "LINE 2\n").replace("line 3\n", "LINE 3\n");
        let after = after.replace("line 18\n", "LINE 18\n");
        let expected = "--- a/x\n+++ b/x\n@@ -1,6 +1,6 @@\n line 1\n-line 2\n-line 3\n+LINE 2\n\
                        +LINE 3\n line 4\n line 5\n line 6\n@@ -15,6 +15,6 @@\n line 15\n line 16\n \
                        line 17\n-line 18\n+LINE 18\n line 19\n line 20\n";
        assert_eq!(unified("x", &before, &after), expected);
        assert_eq!(unified("x", &before, &before), "");
    }

    #[test]
    fn a_last_line_without_an_end_says_so() {
        let expected = "--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n-a: 1\n\\ No newline at end of file\n\
                        +a: 2\n\\ No newline at end of file\n";
        assert_eq!(unified("/x", "a: 1", "a: 2"), expected);
    }
}
