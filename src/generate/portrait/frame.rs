//! What surrounds the picture.

use super::canvas::Canvas;
use super::look::{Frame, Look};
use super::shape::Shape;

/// Draws the frame over the finished picture.
pub(super) fn draw(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let (w, h) = canvas.size();
    let sheet = Shape::rect(0.0, 0.0, w, h);
    let unit = w / 400.0;
    match look.frame {
        Frame::Bleed => {}
        Frame::Paper => {
            let m = 15.0 * unit;
            let inner = Shape::rect(m, m, w - 2.0 * m, h - 2.0 * m);
            canvas.ring(&Shape::group(&[sheet, inner]), p.paper);
        }
        Frame::Deco => {
            let gold = p.trim.apart(p.near, 0.3);
            for (m, step, width) in [(13.0, 26.0, 3.4), (21.0, 26.0, 1.5)] {
                let (m, t) = (m * unit, step * unit);
                let notched = Shape::polygon(&[
                    (m + t, m),
                    (w - m - t, m),
                    (w - m - t, m + t * 0.5),
                    (w - m - t * 0.5, m + t * 0.5),
                    (w - m - t * 0.5, m + t),
                    (w - m, m + t),
                    (w - m, h - m - t),
                    (w - m - t * 0.5, h - m - t),
                    (w - m - t * 0.5, h - m - t * 0.5),
                    (w - m - t, h - m - t * 0.5),
                    (w - m - t, h - m),
                    (m + t, h - m),
                    (m + t, h - m - t * 0.5),
                    (m + t * 0.5, h - m - t * 0.5),
                    (m + t * 0.5, h - m - t),
                    (m, h - m - t),
                    (m, m + t),
                    (m + t * 0.5, m + t),
                    (m + t * 0.5, m + t * 0.5),
                    (m + t, m + t * 0.5),
                ]);
                canvas.stroke(&notched, width, gold);
            }
        }
        Frame::Arch => {
            let m = 16.0 * unit;
            let arch = Shape::arch(w / 2.0, w / 2.0 - m, m, h - m);
            let paper = p.near;
            canvas.ring(&Shape::group(&[sheet, arch.clone()]), paper);
            canvas.stroke(&arch, 3.4 * unit, p.trim.apart(paper, 0.3));
            for x in [m * 1.9, w - m * 1.9] {
                let y = m * 1.9;
                let k = 9.0 * unit;
                canvas.fill(
                    &Shape::polygon(&[(x, y - k), (x + k * 0.6, y), (x, y + k), (x - k * 0.6, y)]),
                    p.trim.apart(paper, 0.3),
                );
            }
        }
    }
}
