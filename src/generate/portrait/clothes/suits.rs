//! What is cut for one purpose: suits, armour, bodysuits.

use super::super::canvas::{Canvas, fade};
use super::super::colour::Colour;
use super::super::look::Look;
use super::super::shape::{Shape, c, mirror, s};
use super::{FLOOR, jewel, pair, print, torso};

pub(super) fn suit(canvas: &mut Canvas, look: &Look, base: Colour, shade: Colour) {
    let p = &look.palette;
    let n = look.head.neck;
    let body = Shape::closed(&torso(look, 136.0));
    print(canvas, &body, base, shade);
    let shirt = p.paper.mix(p.lining, 0.12);
    let front = mirror(&[
        c(0.0, 128.0),
        c(n + 3.0, 120.0),
        s(48.0, 180.0),
        c(0.0, 352.0),
    ]);
    let front = Shape::closed(&front);
    canvas.fill(&front, shirt);
    canvas.grain(
        &front,
        shirt.darker(0.10),
        fade((40.0, 220.0), (-10.0, 170.0), 0.8),
    );
    let tie = p.trim.apart(shirt, 0.28);
    if look.dice("tie").chance(0.35) {
        let bow = [
            c(3.0, 158.0),
            s(20.0, 142.0),
            c(40.0, 138.0),
            s(42.0, 158.0),
            c(40.0, 178.0),
            s(20.0, 172.0),
        ];
        pair(canvas, &bow, |canvas, shape, _| canvas.fill(shape, tie));
        canvas.fill(&Shape::rect(-7.0, 148.0, 14.0, 20.0), tie.darker(0.08));
    } else {
        canvas.fill(
            &Shape::polygon(&[(-12.0, 146.0), (12.0, 146.0), (8.0, 170.0), (-8.0, 170.0)]),
            tie.darker(0.05),
        );
        canvas.fill(
            &Shape::polygon(&[
                (-8.0, 170.0),
                (8.0, 170.0),
                (19.0, 300.0),
                (0.0, 340.0),
                (-19.0, 300.0),
            ]),
            tie,
        );
    }
    let collar = [
        c(n - 2.0, 106.0),
        c(n + 8.0, 122.0),
        c(38.0, 172.0),
        c(2.0, 146.0),
    ];
    pair(canvas, &collar, |canvas, shape, side| {
        canvas.fill(
            shape,
            if side > 0.0 {
                shirt.darker(0.05)
            } else {
                shirt
            },
        );
    });
    let lapel = [
        c(n + 6.0, 124.0),
        s(n + 26.0, 142.0),
        c(80.0, 178.0),
        c(94.0, 206.0),
        c(68.0, 216.0),
        c(78.0, 230.0),
        s(44.0, 300.0),
        c(0.0, 372.0),
        s(34.0, 240.0),
        s(46.0, 184.0),
    ];
    pair(canvas, &lapel, |canvas, shape, side| {
        canvas.fill(shape, base.lighter(0.05));
        canvas.grain(
            shape,
            shade,
            fade((side * 20.0, 350.0), (side * 70.0, 150.0), 0.9),
        );
    });
    canvas.fill(
        &Shape::polygon(&[
            (-102.0, 252.0),
            (-70.0, 246.0),
            (-76.0, 228.0),
            (-86.0, 236.0),
            (-92.0, 224.0),
        ]),
        p.lining,
    );
}

pub(super) fn armour(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let n = look.head.neck;
    let sh = look.head.shoulder;
    let steel = p.trim.vivid(0.45).at(0.72).mix(p.sky, 0.18);
    let dark = steel.darker(0.16);
    let body = Shape::closed(&torso(look, 136.0));
    print(canvas, &body, p.cloth.base, p.cloth.shade);
    let plate = mirror(&[
        c(0.0, 196.0),
        s(60.0, 186.0),
        c(88.0, 196.0),
        s(98.0, 260.0),
        c(84.0, FLOOR),
        c(0.0, FLOOR),
    ]);
    let plate = Shape::closed(&plate);
    canvas.fill(&plate, steel);
    canvas.grain(&plate, dark, fade((90.0, 300.0), (-20.0, 230.0), 0.9));
    canvas.fill(
        &Shape::taper(&[s(0.0, 200.0), s(1.0, 280.0), s(0.0, FLOOR)], 2.0, 5.0),
        dark,
    );
    let gorget = mirror(&[
        s(0.0, 136.0),
        c(n + 4.0, 116.0),
        s(n + 14.0, 144.0),
        s(70.0, 178.0),
        s(40.0, 206.0),
        s(0.0, 216.0),
    ]);
    let gorget = Shape::closed(&gorget);
    canvas.fill(&gorget, steel.lighter(0.05));
    canvas.grain(&gorget, dark, fade((60.0, 190.0), (-20.0, 140.0), 0.9));
    canvas.trace(
        &Shape::open(&[
            s(-70.0, 178.0),
            s(-40.0, 206.0),
            s(0.0, 216.0),
            s(40.0, 206.0),
            s(70.0, 178.0),
        ]),
        3.6,
        p.trim,
        1.0,
    );
    canvas.trace(
        &Shape::open(&[s(-n - 4.0, 117.0), s(0.0, 137.0), s(n + 4.0, 117.0)]),
        3.2,
        p.trim,
        1.0,
    );
    for (i, (top, spread)) in [(262.0, 0.0), (226.0, 4.0), (184.0, 10.0)]
        .into_iter()
        .enumerate()
    {
        let tone = [dark.lighter(0.04), steel.darker(0.05), steel][i];
        let pauldron = [
            c(62.0, top + 6.0),
            s(sh * 0.80, top - 16.0),
            s(sh + 20.0 + spread, top + 18.0),
            c(sh + 34.0 + spread, top + 74.0),
            s(sh * 0.86, top + 42.0),
        ];
        pair(canvas, &pauldron, |canvas, shape, _| {
            canvas.fill(shape, tone);
            canvas.grain(shape, dark, fade((sh + 20.0, top + 70.0), (40.0, top), 0.8));
        });
        for side in [-1.0, 1.0] {
            let rim = [
                s(side * (sh + 33.0 + spread), top + 73.0),
                s(side * sh * 0.86, top + 42.0),
                s(side * 63.0, top + 8.0),
            ];
            canvas.trace(&Shape::open(&rim), 3.0, p.trim, 1.0);
        }
    }
    jewel(canvas, look, 250.0, 12.0);
}

pub(super) fn bodysuit(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let n = look.head.neck;
    let sh = look.head.shoulder;
    let body = Shape::closed(&torso(look, 134.0));
    print(canvas, &body, p.cloth.base, p.cloth.shade);
    let glow = p.iris.at(p.iris.l.max(0.78));
    canvas.within(&body, |canvas| {
        let panel = [
            c(n + 26.0, 148.0),
            c(64.0, 240.0),
            c(40.0, 300.0),
            c(48.0, FLOOR),
            c(240.0, FLOOR),
            c(240.0, 148.0),
        ];
        pair(canvas, &panel, |canvas, shape, side| {
            canvas.fill(shape, p.lining.mix(p.cloth.base, 0.25));
            canvas.grain(
                shape,
                p.lining.mix(p.cloth.base, 0.25).darker(0.14),
                fade((side * 90.0 + 60.0, 330.0), (-20.0, 190.0), 0.8),
            );
        });
        for side in [-1.0, 1.0] {
            let seam = [
                c(side * (n + 26.0), 148.0),
                c(side * 64.0, 240.0),
                c(side * 40.0, 300.0),
                c(side * 48.0, FLOOR),
            ];
            canvas.trace(&Shape::open(&seam), 3.2, glow, 1.0);
            let arm = [
                s(side * sh * 0.60, 160.0),
                s(side * sh * 0.80, 250.0),
                s(side * sh * 0.82, FLOOR),
            ];
            canvas.trace(&Shape::open(&arm), 2.2, p.cloth.shade.darker(0.05), 1.0);
        }
    });
    let collar = mirror(&[
        s(0.0, 130.0),
        c(n + 4.0, 112.0),
        s(n + 10.0, 134.0),
        c(n + 20.0, 156.0),
        s(0.0, 178.0),
    ]);
    let collar = Shape::closed(&collar);
    canvas.fill(&collar, p.cloth.shade.darker(0.06));
    canvas.trace(
        &Shape::open(&[s(-n - 7.0, 126.0), s(0.0, 146.0), s(n + 7.0, 126.0)]),
        2.4,
        glow,
        1.0,
    );
    canvas.fill(&Shape::circle(0.0, 236.0, 19.0), p.cloth.shade.darker(0.08));
    canvas.fill(&Shape::circle(0.0, 236.0, 13.5), glow);
    canvas.fill(&Shape::circle(0.0, 236.0, 7.0), p.paper);
}
