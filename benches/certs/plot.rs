//! Growth as a picture: both axes logarithmic, so that n log n is a line a little steeper than the diagonal.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const EDGE: f64 = 60.0;

/// One measured curve: a name, and points of (certificates, seconds).
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) color: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// The SVG of the curves, with n log n through the first curve's first point for comparison.
pub(super) fn svg(title: &str, curves: &[Curve<'_>]) -> String {
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let (left, right) = bounds(all().map(|(count, _)| count));
    let (low, high) = bounds(all().map(|(_, seconds)| seconds));
    let at = |(count, seconds): (f64, f64)| {
        let x = EDGE + (count.log10() - left) / (right - left) * (WIDTH - 2.0 * EDGE);
        let y = HEIGHT - EDGE - (seconds.log10() - low) / (high - low) * (HEIGHT - 2.0 * EDGE);
        (x, y)
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{EDGE}\" y=\"30\" font-size=\"15\">{title}</text>\n"
    );
    let mut put = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for (count, seconds) in all() {
        let (x, y) = at((count, seconds));
        put(format!("<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{count}</text>", HEIGHT - EDGE + 18.0));
        put(format!("<text x=\"{:.0}\" y=\"{y:.0}\" text-anchor=\"end\">{:.1} ms</text>", EDGE - 6.0, seconds * 1000.0));
    }
    let reference = curves.first().and_then(|curve| curve.points.first().map(|first| (curve, *first)));
    if let Some((curve, (count, seconds))) = reference {
        let law = curve.points.iter().map(|(n, _)| at((*n, seconds * n * n.ln() / (count * count.ln()))));
        put(line(law, "#999", "4 4"));
        put(format!("<text x=\"{:.0}\" y=\"{:.0}\" fill=\"#666\">dashed: n log n</text>", WIDTH - 2.5 * EDGE, HEIGHT - EDGE - 10.0));
    }
    for (row, curve) in (0u32..).zip(curves) {
        put(line(curve.points.iter().map(|point| at(*point)), curve.color, "none"));
        put(format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{}\">{}</text>",
            EDGE + 10.0,
            52.0 + 16.0 * f64::from(row),
            curve.color,
            curve.name
        ));
    }
    text + "</svg>\n"
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value.log10()), high.max(value.log10())));
    (low, high.max(low + 0.1))
}

fn line(points: impl Iterator<Item = (f64, f64)>, color: &str, dashes: &str) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let _infallible = write!(path, "{x:.1},{y:.1} ");
    }
    format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>", path.trim_end())
}
