//! Skies and patterns: moon, space, circuitry, sunburst.

use super::super::canvas::{Canvas, fade, rays};
use super::super::look::Look;
use super::super::shape::{Shape, c, s};
use super::Scene;

/// A great moon, clouds, stars.
pub(super) fn moon(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    scene.stars(canvas, look, 46, scene.height * 0.62);
    let radius = 146.0;
    let (x, y) = (scene.x, scene.y - 8.0);
    canvas.fill(&Shape::circle(x, y, radius * 1.2), p.sky.mix(p.disc, 0.16));
    let disc = Shape::circle(x, y, radius);
    canvas.fill(&disc, p.disc);
    canvas.within(&disc, |canvas| {
        let shade = p.disc.darker(0.055);
        for (dx, dy, r) in [
            (-92.0, -70.0, 24.0),
            (-112.0, 6.0, 15.0),
            (96.0, -60.0, 17.0),
            (104.0, 30.0, 27.0),
            (-84.0, 76.0, 20.0),
            (54.0, -114.0, 13.0),
            (-34.0, -122.0, 10.0),
        ] {
            canvas.fill(&Shape::circle(x + dx, y + dy, r), shade);
            canvas.fill(
                &Shape::circle(x + dx + r * 0.16, y + dy + r * 0.18, r * 0.8),
                p.disc.darker(0.03),
            );
        }
        canvas.grain(
            &disc,
            p.disc.mix(p.sky, 0.35),
            fade((x + 120.0, y + 110.0), (x - 30.0, y - 30.0), 0.7),
        );
    });
    let mut dice = look.dice("clouds");
    for (layer, tone) in [p.far, p.mid, p.near].into_iter().enumerate() {
        let base = scene.height * (0.60 + 0.11 * layer as f64);
        let mut parts = vec![Shape::rect(-10.0, base, scene.width + 20.0, scene.height)];
        let mut x = -30.0;
        while x < scene.width + 30.0 {
            let r = dice.range(24.0, 52.0);
            parts.push(Shape::ellipse(x, base, r * 1.25, r * 0.72));
            x += r * 1.2;
        }
        let bank = Shape::group(&parts);
        canvas.fill(&bank, tone);
        canvas.grain(
            &bank,
            tone.lighter(0.06),
            fade((0.0, base - 30.0), (0.0, base + 50.0), 0.5),
        );
    }
}

/// A planet behind the head, one with a ring at the side, orbits.
pub(super) fn space(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    scene.stars(canvas, look, 72, scene.height);
    let mut dice = look.dice("planets");
    for r in [196.0, 236.0, 282.0] {
        canvas.trace(&Shape::circle(scene.x, scene.y, r), 1.4, p.light, 0.5);
        let angle: f64 = dice.range(0.0, std::f64::consts::TAU);
        canvas.fill(
            &Shape::circle(
                scene.x + r * angle.sin(),
                scene.y - r * angle.cos(),
                dice.range(4.0, 9.0),
            ),
            p.light,
        );
    }
    let (x, y, radius) = (scene.x, scene.y - 6.0, 148.0);
    let disc = Shape::circle(x, y, radius);
    canvas.fill(&disc, p.disc);
    canvas.within(&disc, |canvas| {
        for i in 0..6 {
            let top = y - 130.0 + 46.0 * f64::from(i) + dice.range(-8.0, 8.0);
            let band = Shape::closed(&[
                c(x - 170.0, top),
                s(x - 50.0, top + 10.0),
                s(x + 50.0, top - 6.0),
                c(x + 170.0, top + 6.0),
                c(x + 170.0, top + 24.0),
                s(x + 40.0, top + 14.0),
                s(x - 60.0, top + 26.0),
                c(x - 170.0, top + 18.0),
            ]);
            canvas.fill(&band, p.disc.darker(0.035 + 0.02 * f64::from(i % 2)));
        }
        canvas.grain(
            &disc,
            p.disc.mix(p.near, 0.5),
            fade((x + 130.0, y + 120.0), (x - 20.0, y - 20.0), 0.85),
        );
    });
    let side = dice.side();
    let (px, py, pr) = (scene.x + side * 138.0, scene.height * 0.1 + 10.0, 25.0);
    let small = Shape::circle(px, py, pr);
    canvas.placed((px, py), (1.0, 0.3), 0.0, |canvas| {
        canvas.trace(
            &Shape::circle(0.0, 0.0, pr * 1.8),
            4.0,
            p.far.lighter(0.15),
            1.0,
        );
    });
    canvas.fill(&small, p.cloth.base);
    canvas.grain(
        &small,
        p.cloth.shade,
        fade((px + pr, py + pr), (px - pr, py - pr), 0.9),
    );
    canvas.within(&Shape::rect(px - 60.0, py, 120.0, 40.0), |canvas| {
        canvas.placed((px, py), (1.0, 0.3), 0.0, |canvas| {
            canvas.trace(
                &Shape::circle(0.0, 0.0, pr * 1.8),
                4.0,
                p.far.lighter(0.15),
                1.0,
            );
        });
    });
}

/// Traces and nodes that run towards the head.
pub(super) fn circuit(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let mut dice = look.dice("traces");
    let step = 20.0;
    let line = p.sky.mix(p.light, 0.45);
    let faint = p.sky.mix(p.light, 0.2);
    for i in 0..34 {
        let side = if i % 2 == 0 { -1.0 } else { 1.0 };
        let start_y = (dice.range(-0.1, 1.05) * scene.height / step).round() * step;
        let start_x = scene.x + side * (scene.width / 2.0 + 8.0);
        let run = dice.range(1.0, 5.0).round() * step;
        let bend = dice.range(1.0, 4.0).round() * step * dice.side();
        let tail = dice.range(0.0, 3.0).round() * step;
        let bx = start_x - side * run;
        let cx = bx - side * bend.abs();
        let end = (cx - side * tail, start_y + bend);
        let tone = if i % 3 == 0 { line } else { faint };
        canvas.trace(
            &Shape::line(&[(start_x, start_y), (bx, start_y), (cx, start_y + bend), end]),
            if i % 3 == 0 { 3.0 } else { 2.0 },
            tone,
            1.0,
        );
        canvas.fill(&Shape::circle(end.0, end.1, 5.5), tone);
        canvas.fill(&Shape::circle(end.0, end.1, 2.6), p.sky);
    }
    let (x, y) = (scene.x, scene.y - 6.0);
    let hexagon = |r: f64| {
        let points: Vec<(f64, f64)> = (0..6)
            .map(|i| {
                let (sin, cos) = (f64::from(i) * 60.0_f64).to_radians().sin_cos();
                (x + r * sin, y - r * cos)
            })
            .collect();
        Shape::polygon(&points)
    };
    if dice.chance(0.5) {
        canvas.stroke(&hexagon(182.0), 2.4, p.disc);
        canvas.fill(&hexagon(164.0), p.disc);
        canvas.grain(
            &hexagon(164.0),
            p.disc.mix(p.sky, 0.45),
            fade((x, y + 160.0), (x, y - 90.0), 0.85),
        );
        canvas.trace(&hexagon(148.0), 2.0, p.disc.mix(p.sky, 0.4), 1.0);
    } else {
        for (r, count) in [(184.0, 48), (168.0, 24)] {
            canvas.fill(&rays(x, y, r - 6.0, r, count, 0.6), p.disc.mix(p.sky, 0.25));
        }
        let disc = Shape::circle(x, y, 150.0);
        canvas.fill(&disc, p.disc);
        canvas.grain(
            &disc,
            p.disc.mix(p.sky, 0.45),
            fade((x, y + 150.0), (x, y - 90.0), 0.85),
        );
        canvas.trace(
            &Shape::circle(x, y, 136.0),
            2.0,
            p.disc.mix(p.sky, 0.4),
            1.0,
        );
    }
}

/// Sunburst and fans.
pub(super) fn deco(canvas: &mut Canvas, look: &Look, scene: &Scene) {
    let p = &look.palette;
    let mut dice = look.dice("deco");
    let (x, y) = (scene.x, scene.y - 6.0);
    let gold = p.light;
    if dice.chance(0.5) {
        canvas.fill(&rays(x, y, 60.0, 720.0, 28, 0.5), p.sky.mix(p.far, 0.7));
        for (r, w) in [(176.0, 2.0), (168.0, 5.0)] {
            canvas.trace(&Shape::circle(x, y, r), w, gold, 1.0);
        }
    } else {
        // Rows of scales, as on an old cinema's wall.
        let size = 50.0;
        let rows = (scene.height / (size * 0.5)) as i32 + 2;
        for row in 0..rows {
            for column in -1..=(scene.width / size) as i32 + 1 {
                let cx = f64::from(column) * size + if row % 2 == 0 { 0.0 } else { size / 2.0 };
                let cy = f64::from(row) * size * 0.5;
                canvas.fill(&Shape::circle(cx, cy, size / 2.0), p.sky.mix(p.far, 0.85));
                canvas.fill(&Shape::circle(cx, cy, size / 2.0 - 2.4), p.sky);
                canvas.trace(
                    &Shape::circle(cx, cy, size * 0.3),
                    2.0,
                    p.sky.mix(p.far, 0.85),
                    1.0,
                );
                canvas.fill(&Shape::circle(cx, cy, size * 0.14), p.sky.mix(p.far, 0.85));
            }
        }
        canvas.fill(&Shape::circle(x, y, 172.0), p.sky);
        canvas.stroke(&Shape::circle(x, y, 164.0), 3.0, gold);
    }
    let disc = Shape::circle(x, y, 150.0);
    canvas.fill(&disc, p.disc);
    canvas.grain(
        &disc,
        p.disc.mix(p.sky, 0.4),
        fade((x, y + 150.0), (x, y - 60.0), 0.85),
    );
}
