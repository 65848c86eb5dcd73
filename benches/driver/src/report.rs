//! Where results go: tables between marks in docs/performance.md, and a chart beside it.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Outcome;

/// The documents that are written to.
#[derive(Debug)]
pub struct Report {
    docs: PathBuf,
}

/// A table in Markdown.
#[derive(Debug)]
pub struct Table(String);

impl Table {
    /// A table with these columns; all but the first are numbers.
    pub fn new(columns: &[&str]) -> Self {
        let line = "|---:".repeat(columns.len() - 1);
        Self(format!("| {} |\n|---{line}|\n", columns.join(" | ")))
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<_> = cells.into_iter().collect();
        // A `String` takes all.
        let _ = writeln!(self.0, "| {} |", cells.join(" | "));
    }
}

impl Report {
    /// The project's own documents.
    pub fn new() -> Self {
        Self { docs: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")) }
    }

    /// Puts `table` between `<!-- name -->` and the next `<!-- end -->` of performance.md.
    pub fn table(&mut self, name: &str, table: &Table) -> Outcome<()> {
        print!("\n{name}\n{}", table.0);
        let path = self.docs.join("performance.md");
        let text = std::fs::read_to_string(&path)?;
        let mark = format!("<!-- {name} -->\n");
        let missing = || format!("docs/performance.md has no {mark}");
        let (before, rest) = text.split_once(&mark).ok_or_else(missing)?;
        let (_, after) = rest.split_once("<!-- end -->").ok_or_else(missing)?;
        std::fs::write(path, format!("{before}{mark}\n{}\n<!-- end -->{after}", table.0))?;
        Ok(())
    }

    /// Draws one bar for each of `bars`, the first as long as 1.
    pub fn chart(&mut self, file: &str, title: &str, bars: &[(&str, f64)]) -> Outcome<()> {
        const UNIT: f64 = 110.0;
        const LINE: usize = 28;
        const LABELS: usize = 400;
        let longest = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
        let (width, height) = (LABELS + (longest * UNIT) as usize + 70, bars.len() * LINE + 50);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"10\" y=\"24\" font-weight=\"bold\">{title}</text>\n"
        );
        for (index, (name, value)) in bars.iter().enumerate() {
            let (y, length) = (40 + index * LINE, value * UNIT);
            let colour = if name.starts_with("backend-actix") { "#2b6cb0" } else { "#a0aec0" };
            let base = y + 15;
            let end = LABELS as f64 + length + 6.0;
            writeln!(
                svg,
                "<text x=\"{x}\" y=\"{base}\" text-anchor=\"end\">{name}</text><rect x=\"{LABELS}\" y=\"{y}\" width=\"{length:.1}\" height=\"20\" fill=\"{colour}\"/><text x=\"{end:.1}\" y=\"{base}\">{value:.2}</text>",
                x = LABELS - 8,
            )?;
        }
        svg.push_str("</svg>\n");
        std::fs::write(self.docs.join(file), svg)?;
        Ok(())
    }
}
