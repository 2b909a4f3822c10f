//! A fact about every Unicode character, found out when it is first asked for.

use std::sync::OnceLock;

const PAGE_CHARS: u32 = 256;
const PAGES: usize = (char::MAX as usize + 1) / PAGE_CHARS as usize;

/// What `probe` answers for each character, remembered page by page.
///
/// The facts come from asking `tokenizers` itself, character by character, so that its Unicode
/// tables (which are older than those of other crates) are the only ones that count. Asking about
/// all 1,114,112 characters at start-up would take seconds; the 256 of a page take a fraction of a
/// millisecond, once, and texts touch few pages. A page that is there is read without locking.
pub(super) struct CharTable<T> {
    pages: Box<[OnceLock<Box<[T]>>]>,
    probe: Box<dyn Fn(char) -> T + Send + Sync>,
    /// The answer for code points that are no characters; never read.
    gap: fn() -> T,
}

impl<T> CharTable<T> {
    /// A table of what `probe` answers; `gap` fills the places of surrogates.
    pub(super) fn new(probe: impl Fn(char) -> T + Send + Sync + 'static, gap: fn() -> T) -> Self {
        let pages = (0..PAGES).map(|_| OnceLock::new()).collect();
        Self { pages, probe: Box::new(probe), gap }
    }

    /// The fact about `c`.
    #[inline]
    pub(super) fn get(&self, c: char) -> &T {
        let page = (u32::from(c) / PAGE_CHARS) as usize;
        let facts = self.pages[page].get_or_init(|| self.fill(page as u32));
        &facts[(u32::from(c) % PAGE_CHARS) as usize]
    }

    #[cold]
    fn fill(&self, page: u32) -> Box<[T]> {
        (page * PAGE_CHARS..(page + 1) * PAGE_CHARS)
            .map(|code| char::from_u32(code).map_or_else(self.gap, &self.probe))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_for_the_first_and_the_last_character() {
        let table = CharTable::new(u32::from, || 0);
        for c in ['\0', 'a', '\u{D7FF}', '\u{E000}', '\u{1F680}', char::MAX] {
            assert_eq!(*table.get(c), u32::from(c));
        }
    }
}
