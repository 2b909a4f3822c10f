//! The special tokens around a text, and the literal ones that a text may contain.

use serde_json::Value;
use tokenizers::{AddedToken, PostProcessorWrapper};

/// The ids before and after the tokens of a single text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) before: Vec<u32>,
    pub(super) after: Vec<u32>,
}

impl Frame {
    /// Reads them from a post-processor, or `None` if it does anything else to a single text.
    pub(super) fn of(processor: &PostProcessorWrapper) -> Option<Self> {
        match processor {
            PostProcessorWrapper::Bert(bert) => {
                Some(Self { before: vec![bert.cls.1], after: vec![bert.sep.1] })
            }
            PostProcessorWrapper::Roberta(roberta) => {
                Some(Self { before: vec![roberta.cls.1], after: vec![roberta.sep.1] })
            }
            PostProcessorWrapper::Template(template) => {
                Self::of_template(&serde_json::to_value(template).ok()?)
            }
            PostProcessorWrapper::ByteLevel(_) | PostProcessorWrapper::Sequence(_) => None,
        }
    }

    /// A template is a list of special tokens and, here, exactly one text, the first.
    fn of_template(template: &Value) -> Option<Self> {
        let mut frame = Self { before: Vec::new(), after: Vec::new() };
        let mut seen_text = false;
        for piece in template["single"].as_array()? {
            if let Some(name) = piece["SpecialToken"]["id"].as_str() {
                let side = if seen_text { &mut frame.after } else { &mut frame.before };
                for id in template["special_tokens"][name]["ids"].as_array()? {
                    side.push(u32::try_from(id.as_u64()?).ok()?);
                }
            } else if piece["Sequence"]["id"] == "A" && !seen_text {
                seen_text = true;
            } else {
                return None;
            }
        }
        seen_text.then_some(frame)
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }
}

/// Finds out whether a text contains an added token literally, such as `[SEP]` or `<mask>`.
pub(super) struct LiteralTokens {
    contents: Vec<Vec<u8>>,
    /// The distinct first bytes of the contents: most texts contain none, and are told so fast.
    first_bytes: Vec<u8>,
}

impl LiteralTokens {
    /// The contents of the added tokens.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = &'a AddedToken>) -> Self {
        let contents = tokens.map(|token| token.content.clone().into_bytes());
        let contents: Vec<_> = contents.filter(|content| !content.is_empty()).collect();
        let mut first_bytes: Vec<_> = contents.iter().map(|content| content[0]).collect();
        first_bytes.sort_unstable();
        first_bytes.dedup();
        Self { contents, first_bytes }
    }

    /// Whether any of them occurs in `text`.
    pub(super) fn occur_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        self.first_bytes.iter().any(|first| bytes.contains(first)) && self.search(bytes)
    }

    #[cold]
    fn search(&self, text: &[u8]) -> bool {
        let found = |(at, first): (usize, &u8)| {
            self.first_bytes.contains(first)
                && self.contents.iter().any(|content| text[at..].starts_with(content))
        };
        text.iter().enumerate().any(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bert_roberta_and_template_post_processors() {
        let frame = |json: &str| Frame::of(&serde_json::from_str(json).unwrap());
        let both = |before, after| Some(Frame { before: vec![before], after: vec![after] });
        assert_eq!(
            frame(r#"{"type":"BertProcessing","sep":["[SEP]",102],"cls":["[CLS]",101]}"#),
            both(101, 102)
        );
        assert_eq!(
            frame(
                r#"{"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",0],
                    "trim_offsets":true,"add_prefix_space":false}"#
            ),
            both(0, 2)
        );
        let template = |single: &str| {
            frame(&format!(
                r#"{{"type":"TemplateProcessing","single":{single},"pair":[],"special_tokens":
                    {{"<x>":{{"id":"<x>","ids":[7,8],"tokens":["x","y"]}}}}}}"#
            ))
        };
        let text = r#"{"Sequence":{"id":"A","type_id":0}}"#;
        let special = r#"{"SpecialToken":{"id":"<x>","type_id":0}}"#;
        assert_eq!(
            template(&format!("[{special},{text}]")),
            Some(Frame { before: vec![7, 8], after: vec![] })
        );
        assert_eq!(template(&format!("[{text},{text}]")), None);
        assert_eq!(template(&format!("[{special}]")), None);
    }

    #[test]
    fn finds_literal_tokens_and_no_others() {
        let tokens = ["[SEP]", "<mask>"].map(|content| AddedToken::from(content, true));
        let literal = LiteralTokens::new(tokens.iter());
        for text in ["[SEP]", "a[SEP]", "[[SEP]", "x<mask>", "<<mask>"] {
            assert!(literal.occur_in(text), "{text}");
        }
        for text in ["", "[SEP", "[sep]", "< mask>", "plain"] {
            assert!(!literal.occur_in(text), "{text}");
        }
    }
}
