//! From the files of a model directory to a [`Tokenizer`].

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{Model, ModelWrapper};

use super::Tokenizer;
use super::special_tokens::{SpecialToken, SpecialTokens, TokenizerConfig, read_json};
use crate::{Error, Result};

/// BERT's limit, where nothing says otherwise.
const LENGTH_DEFAULT: usize = 512;

/// How a BERT tokenizer treats text; the default is that of `bert-base-uncased`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WordPieceOptions {
    /// Whether text is lower-cased.
    pub lowercase: bool,
    /// Whether accents are stripped; `None` does so when lower-casing.
    pub strip_accents: Option<bool>,
    /// Whether each Chinese character is a word of its own.
    pub tokenize_chinese_chars: bool,
    /// The most tokens of a sequence, special tokens included.
    pub max_length: usize,
}

impl Default for WordPieceOptions {
    fn default() -> Self {
        Self {
            lowercase: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            max_length: LENGTH_DEFAULT,
        }
    }
}

pub(super) fn from_dir(dir: &Path, max_length: Option<usize>) -> Result<Tokenizer> {
    let config = TokenizerConfig::read(dir)?;
    let max_length = max_length.or(config.max_length());
    let [json, vocab_txt, vocab_json, merges_txt] =
        ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"].map(|name| dir.join(name));
    if json.is_file() {
        from_json(&json, max_length)
    } else if vocab_txt.is_file() {
        refuse_added_tokens(dir)?;
        let options = WordPieceOptions {
            lowercase: config.do_lower_case.unwrap_or(true),
            strip_accents: config.strip_accents,
            tokenize_chinese_chars: config.tokenize_chinese_chars.unwrap_or(true),
            max_length: max_length.unwrap_or(LENGTH_DEFAULT),
        };
        wordpiece(&read(&vocab_txt)?, &options, config.special, &vocab_txt)
    } else if vocab_json.is_file() && merges_txt.is_file() {
        refuse_added_tokens(dir)?;
        byte_level_bpe(&vocab_json, &merges_txt, config, max_length.unwrap_or(LENGTH_DEFAULT))
    } else {
        Err(Error::Model {
            path: dir.to_owned(),
            message: "no tokenizer in this directory".to_owned(),
            hint: Some(
                "put the model's tokenizer.json there, or its vocab.txt (BERT), \
                 or its vocab.json and merges.txt (RoBERTa)"
                    .to_owned(),
            ),
        })
    }
}

pub(super) fn from_wordpiece(vocab: &[u8], options: &WordPieceOptions) -> Result<Tokenizer> {
    wordpiece(vocab, options, SpecialTokens::default(), Path::new("vocab.txt"))
}

fn from_json(path: &Path, max_length: Option<usize>) -> Result<Tokenizer> {
    let bytes = read(path)?;
    let unreadable = |source: &dyn std::fmt::Display| {
        let hint = "download it again; a complete file ends with a closing brace";
        model_error(path, format!("not a tokenizer: {source}"), Some(hint))
    };
    check_bpe_of_json(&bytes, path)?;
    let exact = tokenizers::Tokenizer::from_bytes(&bytes).map_err(|source| unreadable(&source))?;
    if let ModelWrapper::WordPiece(model) = exact.get_model() {
        require(model, &model.unk_token, path)?;
    }
    let own = exact.get_truncation().map(|truncation| truncation.max_length);
    Tokenizer::new(exact, max_length.or(own).unwrap_or(LENGTH_DEFAULT), path)
}

fn wordpiece(
    vocab: &[u8],
    options: &WordPieceOptions,
    special: SpecialTokens,
    path: &Path,
) -> Result<Tokenizer> {
    let not_text = |source: tokenizers::Error| {
        model_error(path, format!("not a vocabulary: {source}"), Some("one token a line, in UTF-8"))
    };
    let vocab = WordPiece::read_bytes(vocab).map_err(not_text)?;
    let unk = special.unk_token.unwrap_or_else(|| "[UNK]".into());
    let sep = special.sep_token.unwrap_or_else(|| "[SEP]".into());
    let cls = special.cls_token.unwrap_or_else(|| "[CLS]".into());
    let pad = special.pad_token.unwrap_or_else(|| "[PAD]".into());
    let mask = special.mask_token.unwrap_or_else(|| "[MASK]".into());
    let model = WordPiece::builder()
        .vocab(vocab)
        .unk_token(unk.content().to_owned())
        .build()
        .map_err(not_text)?;
    require(&model, unk.content(), path)?;
    let sep_id = require(&model, sep.content(), path)?;
    let cls_id = require(&model, cls.content(), path)?;
    let processor =
        BertProcessing::new((sep.content().to_owned(), sep_id), (cls.content().to_owned(), cls_id));
    let normalizer = BertNormalizer::new(
        true,
        options.tokenize_chinese_chars,
        options.strip_accents,
        options.lowercase,
    );
    let mut exact = tokenizers::Tokenizer::new(model);
    exact.with_pre_tokenizer(Some(BertPreTokenizer)).with_post_processor(Some(processor));
    exact.with_normalizer(Some(normalizer)).map_err(not_text)?;
    add_special_tokens(&mut exact, &[unk, sep, pad, cls, mask], path)?;
    Tokenizer::new(exact, options.max_length, path)
}

fn byte_level_bpe(
    vocab_path: &Path,
    merges_path: &Path,
    config: TokenizerConfig,
    max_length: usize,
) -> Result<Tokenizer> {
    let vocab: HashMap<String, u32> = read_json(vocab_path)?.unwrap_or_default();
    let merges = read_merges(merges_path)?;
    check_merges(&vocab, &merges, merges_path)?;
    let special = config.special;
    let bos = special.bos_token.unwrap_or_else(|| "<s>".into());
    let eos = special.eos_token.unwrap_or_else(|| "</s>".into());
    let unk = special.unk_token.unwrap_or_else(|| "<unk>".into());
    let sep = special.sep_token.unwrap_or_else(|| "</s>".into());
    let pad = special.pad_token.unwrap_or_else(|| "<pad>".into());
    let cls = special.cls_token.unwrap_or_else(|| "<s>".into());
    let mask = special.mask_token.unwrap_or_else(|| "<mask>".into());
    let refused = |source: tokenizers::Error| {
        model_error(vocab_path, format!("not a vocabulary: {source}"), None)
    };
    let model = BPE::builder()
        .vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges)
        .build()
        .map_err(refused)?;
    let sep_id = require(&model, sep.content(), vocab_path)?;
    let cls_id = require(&model, cls.content(), vocab_path)?;
    let processor = RobertaProcessing::new(
        (sep.content().to_owned(), sep_id),
        (cls.content().to_owned(), cls_id),
    );
    let prefix_space = config.add_prefix_space.unwrap_or(false);
    let mut exact = tokenizers::Tokenizer::new(model);
    exact
        .with_pre_tokenizer(Some(ByteLevel::new(prefix_space, true, true)))
        .with_post_processor(Some(processor.add_prefix_space(prefix_space)));
    add_special_tokens(&mut exact, &[bos, eos, unk, sep, pad, cls, mask], vocab_path)?;
    Tokenizer::new(exact, max_length, vocab_path)
}

/// Lines of two tokens each, in the order of their ranks, after a line with the version.
fn read_merges(path: &Path) -> Result<Vec<(String, String)>> {
    let text = String::from_utf8(read(path)?)
        .map_err(|source| model_error(path, format!("not UTF-8: {source}"), None))?;
    let lines = text.lines().zip(1_u64..).filter(|(line, _)| !line.starts_with("#version"));
    lines
        .filter(|(line, _)| !line.is_empty())
        .map(|(line, number)| match line.split(' ').collect::<Vec<_>>()[..] {
            [left, right] => Ok((left.to_owned(), right.to_owned())),
            _ => Err(Error::Row {
                path: path.to_owned(),
                line: number,
                message: "a merge is two tokens with one space between them".to_owned(),
            }),
        })
        .collect()
}

/// The part of a `tokenizer.json` that `tokenizers` would panic on if it were malformed.
#[derive(Deserialize)]
struct BpeJson {
    model: BpeModel,
}

#[derive(Deserialize)]
struct BpeModel {
    vocab: HashMap<String, u32>,
    merges: Vec<MergeJson>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MergeJson {
    Pair(String, String),
    Line(String),
}

/// `tokenizers` takes the length of merged tokens on trust, so a broken file is caught before.
fn check_bpe_of_json(bytes: &[u8], path: &Path) -> Result<()> {
    // Another model, or a file that `tokenizers` refuses with a message of its own.
    let Ok(BpeJson { model }) = serde_json::from_slice(bytes) else { return Ok(()) };
    let merges: Vec<_> = model
        .merges
        .into_iter()
        .filter_map(|merge| match merge {
            MergeJson::Pair(left, right) => Some((left, right)),
            MergeJson::Line(line) => {
                line.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
            }
        })
        .collect();
    check_merges(&model.vocab, &merges, path)
}

/// Every merge must be of tokens of the vocabulary, and so must its result.
fn check_merges(
    vocab: &HashMap<String, u32>,
    merges: &[(String, String)],
    path: &Path,
) -> Result<()> {
    for ((left, right), number) in merges.iter().zip(1..) {
        let result = format!("{left}{right}");
        let absent = [left, right, &result].into_iter().find(|token| !vocab.contains_key(*token));
        if let Some(token) = absent {
            let message = format!("merge {number} needs `{token}`, which is not in the vocabulary");
            let hint = "vocabulary and merges must come from the same checkpoint";
            return Err(model_error(path, message, Some(hint)));
        }
    }
    Ok(())
}

/// Tokens with ids of their own, in a form that only `tokenizer.json` can fully describe.
fn refuse_added_tokens(dir: &Path) -> Result<()> {
    let path = dir.join("added_tokens.json");
    match read_json::<HashMap<String, u32>>(&path)? {
        Some(tokens) if !tokens.is_empty() => Err(model_error(
            &path,
            "tokens beside the vocabulary are read from a tokenizer.json only".to_owned(),
            Some("save the tokenizer with a current transformers, which writes tokenizer.json"),
        )),
        _ => Ok(()),
    }
}

/// Registers the special tokens that the vocabulary holds; one without an id has no embedding.
fn add_special_tokens(
    exact: &mut tokenizers::Tokenizer,
    tokens: &[SpecialToken],
    path: &Path,
) -> Result<()> {
    let known: Vec<_> = tokens
        .iter()
        .filter(|token| exact.get_model().token_to_id(token.content()).is_some())
        .map(SpecialToken::to_added_token)
        .collect();
    match exact.add_special_tokens(known) {
        Ok(_) => Ok(()),
        Err(source) => Err(model_error(path, format!("special tokens: {source}"), None)),
    }
}

fn require(model: &impl Model, token: &str, path: &Path) -> Result<u32> {
    model.token_to_id(token).ok_or_else(|| {
        let message = format!("the vocabulary has no `{token}`");
        model_error(path, message, Some("the file must be the one the model was trained with"))
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn model_error(path: &Path, message: String, hint: Option<&str>) -> Error {
    Error::Model { path: path.to_owned(), message, hint: hint.map(str::to_owned) }
}
