//! Growth as a picture: both axes logarithmic, so that n log n is a line a little steeper than the diagonal.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const EDGE: f64 = 44.0;
/// Room for the names of times.
const LEFT: f64 = 76.0;

/// One measured curve: a name, and points of (certificates, seconds).
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) color: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// The SVG of the curves, each with n log n through its own first point, dashed, for comparison.
pub(super) fn svg(title: &str, curves: &[Curve<'_>]) -> String {
    // What is compared with has to be seen whole as well.
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied().chain(law(&curve.points)));
    let (left, right) = bounds(all().map(|(count, _)| count));
    let (low, high) = bounds(all().map(|(_, seconds)| seconds));
    // Whole powers of ten, so that the grid begins and ends at lines.
    let (low, high) = (low.floor(), high.ceil());
    let at = |(count, seconds): (f64, f64)| {
        let x = LEFT + (count.log10() - left) / (right - left) * (WIDTH - LEFT - EDGE);
        let y = HEIGHT - EDGE - (seconds.log10() - low) / (high - low) * (HEIGHT - 2.0 * EDGE);
        (x, y)
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n"
    );
    let mut put = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let (first, last) = (10f64.powf(left), 10f64.powf(right));
    for (seconds, name) in [
        (1e-5_f64, "10 µs"),
        (1e-4, "100 µs"),
        (1e-3, "1 ms"),
        (1e-2, "10 ms"),
        (0.1, "100 ms"),
        (1.0, "1 s"),
        (10.0, "10 s"),
        (100.0, "100 s"),
    ] {
        if (low..=high).contains(&seconds.log10().round()) {
            put(line([at((first, seconds)), at((last, seconds))].into_iter(), "#ddd", "none", 1));
            put(format!("<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>", LEFT - 8.0, at((first, seconds)).1 + 4.0));
        }
    }
    for (count, _) in curves.first().map_or(&[][..], |curve| &curve.points) {
        let (x, _) = at((*count, first));
        put(format!("<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{count}</text>", HEIGHT - EDGE + 18.0));
    }
    put(format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">certificates</text>",
        f64::midpoint(WIDTH, LEFT),
        HEIGHT - EDGE + 38.0
    ));
    for (row, curve) in (0u32..).zip(curves) {
        put(line(law(&curve.points).map(at), curve.color, "3 5", 1));
        put(line(curve.points.iter().map(|point| at(*point)), curve.color, "none", 2));
        let y = 54.0 + 16.0 * f64::from(row);
        put(format!("<text x=\"{:.0}\" y=\"{y:.0}\" fill=\"{}\">{}</text>", LEFT + 12.0, curve.color, curve.name));
    }
    put(format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#666\">dashed: n log n from the first point</text>",
        WIDTH - EDGE,
        HEIGHT - EDGE - 8.0
    ));
    text + "</svg>\n"
}

/// n log n through the first point, at each point's count.
fn law(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let per = points.first().map_or(0.0, |(count, seconds)| seconds / (count * count.ln()));
    points.iter().map(move |(count, _)| (*count, per * count * count.ln()))
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value.log10()), high.max(value.log10())));
    (low, high.max(low + 0.1))
}

fn line(points: impl Iterator<Item = (f64, f64)>, color: &str, dashes: &str, width: u8) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let _infallible = write!(path, "{x:.1},{y:.1} ");
    }
    format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/>",
        path.trim_end()
    )
}
