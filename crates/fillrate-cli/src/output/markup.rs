//! Text and pictures in pages.

/// `text` where it can be neither a tag nor an attribute's end.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The first tag of a picture, with its title; with a `style` it is a file of its own, else a part of a
/// page that has the style already.
pub(crate) fn svg_opened(
    (width, height): (f64, f64),
    class: &str,
    title: &str,
    style: Option<&str>,
) -> String {
    let (namespace, style) = match style {
        Some(style) => {
            (" xmlns=\"http://www.w3.org/2000/svg\"", format!("<style>{style}</style>\n"))
        }
        None => ("", String::new()),
    };
    let title = escaped(title);
    format!(
        "<svg{namespace} viewBox=\"0 0 {width} {height}\" role=\"img\" class=\"{class}\">\n\
         <title>{title}</title>\n{style}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_a_tag() {
        assert_eq!(escaped("<a href='\"'>&"), "&lt;a href=&#39;&quot;&#39;&gt;&amp;");
    }
}
