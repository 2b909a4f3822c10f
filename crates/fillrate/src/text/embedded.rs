//! The files of the model that is part of Fillrate.

/// The files of a BERT classifier, as bytes of the program.
#[derive(PartialEq, Eq)]
pub struct EmbeddedFiles {
    /// The directory of the repository that they come from; messages name it.
    pub directory: &'static str,
    /// `config.json`.
    pub config: &'static [u8],
    /// `model.safetensors`.
    pub weights: &'static [u8],
    /// `vocab.txt`.
    pub vocabulary: &'static [u8],
}

impl std::fmt::Debug for EmbeddedFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EmbeddedFiles({})", self.directory)
    }
}

/// `news-mini`; `models/news-mini/README.md` says where it comes from and what it is good for.
pub static NEWS_MINI: EmbeddedFiles = EmbeddedFiles {
    directory: "models/news-mini",
    config: include_bytes!("../../../../models/news-mini/config.json"),
    weights: include_bytes!("../../../../models/news-mini/model.safetensors"),
    vocabulary: include_bytes!("../../../../models/news-mini/vocab.txt"),
};
