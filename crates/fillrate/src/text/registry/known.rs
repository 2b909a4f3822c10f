//! The models that Fillrate knows by name, as data.
//!
//! Revisions and checksums are pinned where they are public knowledge; where upstream's are not,
//! the lock file pins them at the first pull. No hash here is a guess: `None` means unknown.

use serde::Serialize;

use crate::text::Label;
use crate::text::embedded::{EmbeddedFiles, NEWS_MINI as NEWS_MINI_FILES};

/// A model that can be asked for by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownModel {
    /// The name that `--model` takes.
    pub name: &'static str,
    /// One line: what it was trained on and what it is good for.
    pub summary: &'static str,
    /// Where it is described.
    pub source: &'static str,
    /// The languages it was trained on, as ISO 639-1 codes.
    pub languages: &'static [&'static str],
    /// Under what terms it may be used.
    pub license: License,
    /// Where its parameters come from.
    pub origin: Origin,
}

/// The terms of a model, as far as its authors state them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct License {
    /// The SPDX identifier that the model's own page gives, if it gives one.
    pub spdx: Option<&'static str>,
    /// What a careful user should know beyond it.
    pub remark: Option<&'static str>,
}

/// Where a model's parameters come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// Rules and words that are part of Fillrate: nothing to download.
    Builtin,
    /// An encoder whose files are part of Fillrate: nothing to download.
    Embedded(EmbeddedModel),
    /// A repository on the Hugging Face Hub.
    Hub(HubModel),
}

/// A sequence classifier on the Hugging Face Hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HubModel {
    /// `organisation/name`.
    pub repo: &'static str,
    /// Other names it goes by, accepted wherever [`KnownModel::name`] is.
    pub aliases: &'static [&'static str],
    /// The commit, or `main` where no commit with usable weights is known.
    pub revision: &'static str,
    /// Whether the weights at that revision can be read, and what to do if not.
    pub weights: Weights,
    /// The files to have, each with its checksum where that is known.
    pub files: &'static [KnownFile],
    /// What it computes.
    #[serde(flatten)]
    pub encoder: EncoderCard,
}

/// A sequence classifier that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EmbeddedModel {
    /// What it computes.
    #[serde(flatten)]
    pub encoder: EncoderCard,
    /// Its files.
    #[serde(skip)]
    pub files: &'static EmbeddedFiles,
}

/// The size and the classes of an encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EncoderCard {
    /// `bert`, `distilbert` or `roberta`, as `model_type` in `config.json`.
    pub architecture: &'static str,
    /// How many parameters, split by how they are stored.
    pub parameters: Parameters,
    /// The model's own classes in the order of its logits, with what each counts towards.
    pub classes: &'static [(&'static str, Label)],
    /// The longest input, in tokens, special tokens included.
    pub max_tokens: usize,
}

/// In which form a repository has the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// `model.safetensors` is there.
    Safetensors,
    /// Only a pickle file is there, which Fillrate never reads: it has to be converted once.
    Pickle,
}

/// A file of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KnownFile {
    /// Its name in the repository, without any directory.
    pub name: &'static str,
    /// Its SHA-256 in hexadecimal, where it is known before the first pull.
    pub sha256: Option<&'static str>,
}

/// Parameter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameters {
    /// In embedding tables: looked up, not multiplied.
    pub embedding: u64,
    /// Everywhere else.
    pub dense: u64,
}

/// The memory that a model's weights take, in bytes, without the scratch of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WeightMemory {
    /// Four bytes a parameter.
    pub fp32_bytes: u64,
    /// Two bytes a parameter.
    pub bf16_bytes: u64,
    /// Two bytes a parameter.
    pub fp16_bytes: u64,
    /// One byte a parameter of the dense layers, two a parameter of the embedding tables.
    pub int8_bytes: u64,
}

impl Parameters {
    /// All parameters.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.embedding + self.dense
    }

    /// What the weights take in each precision. The biases, norms, scales and position tables that
    /// stay in fp32 make the real figure up to 2% larger.
    #[must_use]
    pub const fn memory(self) -> WeightMemory {
        WeightMemory {
            fp32_bytes: 4 * self.total(),
            bf16_bytes: 2 * self.total(),
            fp16_bytes: 2 * self.total(),
            int8_bytes: 2 * self.embedding + self.dense,
        }
    }
}

impl KnownModel {
    /// The repository, if it comes from the Hub.
    #[must_use]
    pub const fn hub(&self) -> Option<&HubModel> {
        match &self.origin {
            Origin::Hub(hub) => Some(hub),
            Origin::Builtin | Origin::Embedded(_) => None,
        }
    }

    /// What it computes, if it is an encoder.
    #[must_use]
    pub const fn encoder(&self) -> Option<&EncoderCard> {
        match &self.origin {
            Origin::Hub(hub) => Some(&hub.encoder),
            Origin::Embedded(embedded) => Some(&embedded.encoder),
            Origin::Builtin => None,
        }
    }

    /// Whether `name` is this model's name, repository or another name it goes by.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name
            || self.hub().is_some_and(|hub| hub.repo == name || hub.aliases.contains(&name))
    }
}

impl HubModel {
    /// The size of its files in bytes, within 1%: fp32 weights and 1 MB of vocabulary.
    #[must_use]
    pub const fn download_bytes(&self) -> u64 {
        4 * self.encoder.parameters.total() + 1_000_000
    }

    /// The names of the files to have, for a sentence: `config.json, model.safetensors, vocab.txt`.
    #[must_use]
    pub fn file_list(&self) -> String {
        self.files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ")
    }
}

const fn pinned(name: &'static str, sha256: &'static str) -> KnownFile {
    KnownFile { name, sha256: Some(sha256) }
}

const fn unpinned(name: &'static str) -> KnownFile {
    KnownFile { name, sha256: None }
}

/// `vocab.txt` of `bert-base-uncased`, which its descendants share.
const BERT_UNCASED_VOCAB: KnownFile =
    pinned("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3");

/// Every model known by name. The first is the default.
pub static KNOWN_MODELS: [KnownModel; 6] =
    [NEWS_MINI, VADER, FINBERT, DISTILBERT, ROBERTA, BERT_MULTILINGUAL];

const VADER: KnownModel = KnownModel {
    name: "vader",
    summary: "Lexicon and rules for short social-media texts; built in, needs no download",
    source: "https://github.com/cjhutto/vaderSentiment",
    languages: &["en"],
    license: License { spdx: Some("MIT"), remark: None },
    origin: Origin::Builtin,
};

const NEWS_MINI: KnownModel = KnownModel {
    name: "news-mini",
    summary: "Fillrate's own MiniLM for financial headlines and tweets; built in, int8",
    source: "https://github.com/fillrate/fillrate/tree/main/models/news-mini",
    languages: &["en"],
    license: License {
        spdx: Some("Apache-2.0"),
        remark: Some("fine-tuned from all-MiniLM-L6-v2 (Apache-2.0); see NOTICE"),
    },
    origin: Origin::Embedded(EmbeddedModel {
        encoder: EncoderCard {
            architecture: "bert",
            parameters: Parameters { embedding: 11_917_824, dense: 10_796_547 },
            classes: &[
                ("negative", Label::Negative),
                ("neutral", Label::Neutral),
                ("positive", Label::Positive),
            ],
            max_tokens: 512,
        },
        files: &NEWS_MINI_FILES,
    }),
};

const FINBERT: KnownModel = KnownModel {
    name: "finbert",
    summary: "BERT base trained further on financial news, tuned on the Financial PhraseBank",
    source: "https://huggingface.co/ProsusAI/finbert",
    languages: &["en"],
    license: License {
        spdx: None,
        remark: Some(
            "the model's page states no licence; its code is Apache-2.0, and its training data \
             (Financial PhraseBank, TRC2) is licensed for research and non-commercial use",
        ),
    },
    origin: Origin::Hub(HubModel {
        repo: "ProsusAI/finbert",
        aliases: &[],
        // `main` has only a pickle; this commit is refs/pr/29, Hugging Face's own conversion.
        revision: "7db323f79b751944bcfa66298ec06977e4518306",
        weights: Weights::Safetensors,
        files: &[
            pinned(
                "config.json",
                "f6449ddda85eb726207a40be59c0cd3bd4b142ccb27298d5e45f9ae3396b1abe",
            ),
            pinned(
                "model.safetensors",
                "e5897858ff819aad7629b96ce521ae5477952d03634ef5dd30ed2d76357a9f00",
            ),
            BERT_UNCASED_VOCAB,
            unpinned("tokenizer_config.json"),
        ],
        encoder: EncoderCard {
            architecture: "bert",
            parameters: Parameters { embedding: 23_835_648, dense: 85_648_899 },
            classes: &[
                ("positive", Label::Positive),
                ("negative", Label::Negative),
                ("neutral", Label::Neutral),
            ],
            max_tokens: 512,
        },
    }),
};

const DISTILBERT: KnownModel = KnownModel {
    name: "distilbert",
    summary: "DistilBERT tuned on film reviews (SST-2); two classes, so it never says neutral",
    source: "https://huggingface.co/distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    languages: &["en"],
    license: License { spdx: Some("Apache-2.0"), remark: None },
    origin: Origin::Hub(HubModel {
        repo: "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        aliases: &["distilbert-base-uncased-finetuned-sst-2-english"],
        revision: "714eb0fa89d2f80546fda750413ed43d93601a13",
        weights: Weights::Safetensors,
        files: &[
            pinned(
                "config.json",
                "582122c8f414793d131e10022ce9ba04e3811a9da6389137ee2f18665b4f4d15",
            ),
            pinned(
                "model.safetensors",
                "7c3919835e442510166d267fe7cbe847e0c51cd26d9ba07b89a57b952b49b8aa",
            ),
            BERT_UNCASED_VOCAB,
            pinned(
                "tokenizer_config.json",
                "5ab9097b4149371c5fd52b2d6e26cb6f9c07c0d19fcfdda895b1adad6b57c3e0",
            ),
        ],
        encoder: EncoderCard {
            architecture: "distilbert",
            parameters: Parameters { embedding: 23_834_112, dense: 43_120_898 },
            classes: &[("NEGATIVE", Label::Negative), ("POSITIVE", Label::Positive)],
            max_tokens: 512,
        },
    }),
};

const ROBERTA: KnownModel = KnownModel {
    name: "roberta",
    summary: "RoBERTa base trained on 58 million tweets, tuned on TweetEval sentiment",
    source: "https://huggingface.co/cardiffnlp/twitter-roberta-base-sentiment",
    languages: &["en"],
    license: License {
        spdx: None,
        remark: Some(
            "the model's page states no licence; its training data are tweets, \
             which X's terms restrict",
        ),
    },
    origin: Origin::Hub(HubModel {
        repo: "cardiffnlp/twitter-roberta-base-sentiment",
        aliases: &["twitter-roberta-base-sentiment"],
        revision: "daefdd1f6ae931839bce4d0f3db0a1a4265cd50f",
        weights: Weights::Pickle,
        files: &[
            unpinned("config.json"),
            unpinned("model.safetensors"),
            unpinned("vocab.json"),
            unpinned("merges.txt"),
        ],
        encoder: EncoderCard {
            architecture: "roberta",
            parameters: Parameters { embedding: 38_999_040, dense: 85_648_899 },
            classes: &[
                ("LABEL_0", Label::Negative),
                ("LABEL_1", Label::Neutral),
                ("LABEL_2", Label::Positive),
            ],
            max_tokens: 512,
        },
    }),
};

const BERT_MULTILINGUAL: KnownModel = KnownModel {
    name: "bert-multilingual",
    summary: "Multilingual BERT tuned on product reviews, one to five stars",
    source: "https://huggingface.co/nlptown/bert-base-multilingual-uncased-sentiment",
    languages: &["en", "nl", "de", "fr", "es", "it"],
    license: License { spdx: Some("MIT"), remark: None },
    origin: Origin::Hub(HubModel {
        repo: "nlptown/bert-base-multilingual-uncased-sentiment",
        aliases: &["bert-base-multilingual-uncased-sentiment"],
        revision: "main",
        weights: Weights::Safetensors,
        files: &[
            unpinned("config.json"),
            unpinned("model.safetensors"),
            unpinned("vocab.txt"),
            unpinned("tokenizer_config.json"),
        ],
        encoder: EncoderCard {
            architecture: "bert",
            parameters: Parameters { embedding: 81_709_824, dense: 85_650_437 },
            classes: &[
                ("1 star", Label::Negative),
                ("2 stars", Label::Negative),
                ("3 stars", Label::Neutral),
                ("4 stars", Label::Positive),
                ("5 stars", Label::Positive),
            ],
            max_tokens: 512,
        },
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters of a BERT-shaped encoder, from its published configuration.
    fn encoder(layers: u64, hidden: u64, inner: u64) -> u64 {
        let attention = 4 * (hidden * hidden + hidden);
        let feed_forward = 2 * hidden * inner + inner + hidden;
        layers * (attention + feed_forward + 2 * 2 * hidden)
    }

    fn dense(hidden: u64, classes: u64) -> u64 {
        hidden * hidden + hidden + hidden * classes + classes
    }

    #[test]
    fn parameter_counts_follow_from_the_published_shapes() {
        let norm = 2 * 768;
        let mini_norm = 2 * 384;
        let expected = [
            (
                "news-mini",
                (30_522 + 512 + 2) * 384,
                mini_norm + encoder(6, 384, 1536) + dense(384, 3),
            ),
            ("finbert", (30_522 + 512 + 2) * 768, norm + encoder(12, 768, 3072) + dense(768, 3)),
            ("distilbert", (30_522 + 512) * 768, norm + encoder(6, 768, 3072) + dense(768, 2)),
            ("roberta", (50_265 + 514 + 1) * 768, norm + encoder(12, 768, 3072) + dense(768, 3)),
            (
                "bert-multilingual",
                (105_879 + 512 + 2) * 768,
                norm + encoder(12, 768, 3072) + dense(768, 5),
            ),
        ];
        for (name, embedding, dense) in expected {
            let model = KNOWN_MODELS.iter().find(|model| model.name == name).unwrap();
            let parameters = model.encoder().unwrap().parameters;
            assert_eq!((parameters.embedding, parameters.dense), (embedding, dense), "{name}");
        }
    }

    #[test]
    fn names_are_distinct_and_every_hash_is_one() {
        for (i, model) in KNOWN_MODELS.iter().enumerate() {
            assert!(KNOWN_MODELS[..i].iter().all(|earlier| !earlier.answers_to(model.name)));
            let files = model.hub().map_or(&[][..], |hub| hub.files);
            for sha256 in files.iter().filter_map(|file| file.sha256) {
                assert!(sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()));
            }
        }
    }
}
