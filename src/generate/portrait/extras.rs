//! Things worn on the head and at the neck.

use super::canvas::{Canvas, fade};
use super::colour::lch;
use super::hair;
use super::look::Look;
use super::shape::{Shape, c, mirror, s};
use super::traits::{Extra, Garment, Presence};

/// What lies on the face, under the fringe.
pub(super) fn on_face(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    if look.has(Extra::Glasses) || look.has(Extra::Monocle) {
        let rim = if look.dice("rims").chance(0.5) {
            p.ink
        } else {
            p.trim.darker(0.10).apart(p.skin.base, 0.18)
        };
        let round = look.dice("lenses").chance(0.6);
        let sides: &[f64] = if look.has(Extra::Glasses) {
            &[-1.0, 1.0]
        } else {
            &[1.0]
        };
        for &side in sides {
            let x = side * h.eye_gap;
            let (place, squeeze) = (h.across(x), h.foreshortening(x));
            let lens = if round {
                Shape::ellipse(place, 1.0, 24.0 * squeeze, 23.0)
            } else {
                let k = 25.0 * squeeze;
                Shape::closed(&[
                    s(place - k, -12.0),
                    s(place, -16.0),
                    s(place + k, -12.0),
                    s(place + k * 0.86, 12.0),
                    s(place, 18.0),
                    s(place - k * 0.86, 12.0),
                ])
            };
            canvas.wash(&lens, p.paper, 0.10);
            canvas.within(&lens, |canvas| {
                canvas.wash(
                    &Shape::polygon(&[
                        (place + 4.0, -30.0),
                        (place + 12.0, -30.0),
                        (place - 10.0, 30.0),
                        (place - 18.0, 30.0),
                    ]),
                    p.paper,
                    0.22,
                );
            });
            canvas.stroke(&lens, 3.2, rim);
            if look.has(Extra::Glasses) {
                canvas.stroke(
                    &Shape::line(&[
                        (place + side * 24.0 * squeeze, -4.0),
                        (h.across(side * (h.cheek + 4.0)), -8.0),
                    ]),
                    3.0,
                    rim,
                );
            } else {
                canvas.stroke(
                    &Shape::open(&[
                        s(place + 22.0, 8.0),
                        s(place + 34.0, 60.0),
                        s(place + 22.0, 130.0),
                        s(place + 10.0, 190.0),
                    ]),
                    1.6,
                    p.trim,
                );
            }
        }
        if look.has(Extra::Glasses) {
            let (a, b) = (h.across(-h.eye_gap + 23.0), h.across(h.eye_gap - 23.0));
            canvas.stroke(
                &Shape::open(&[s(a, -2.0), s((a + b) / 2.0, -6.0), s(b, -2.0)]),
                3.0,
                rim,
            );
        }
    }
}

/// What hangs at the ears.
pub(super) fn earrings(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let hidden =
        look.has(Extra::Hood) || !hair::shows_ears(look.cut) && look.presence != Presence::Feminine;
    if look.has(Extra::Earrings) && !hidden {
        let kind = look.dice("earrings").below(3);
        for side in [-1.0, 1.0] {
            if side > 0.0 && h.turn > 10.0 {
                continue;
            }
            let x = side * (h.cheek + 3.0) - h.turn * 0.35;
            match kind {
                0 => canvas.stroke(&Shape::circle(x, 38.0, 10.0), 3.4, p.trim),
                1 => {
                    canvas.fill(&Shape::circle(x, 30.0, 3.6), p.trim);
                    canvas.fill(
                        &Shape::polygon(&[(x, 33.0), (x + 7.0, 50.0), (x, 64.0), (x - 7.0, 50.0)]),
                        p.trim,
                    );
                    canvas.fill(
                        &Shape::polygon(&[(x, 33.0), (x + 7.0, 50.0), (x, 64.0)]),
                        p.trim.darker(0.10),
                    );
                }
                _ => {
                    canvas.fill(&Shape::circle(x, 31.0, 4.0), p.trim);
                    canvas.fill(&Shape::circle(x, 43.0, 6.5), p.paper);
                }
            }
        }
    }
}

/// What lies around the neck.
pub(super) fn at_neck(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let bare = matches!(
        look.garment,
        Garment::Neckline | Garment::Tunic | Garment::Wrap | Garment::Robe
    );
    if look.has(Extra::Pendant) && bare && !look.has(Extra::Scarf) {
        let n = h.neck;
        canvas.trace(
            &Shape::open(&[
                s(-n - 8.0, 140.0),
                s(-20.0, 176.0),
                s(0.0, 186.0),
                s(20.0, 176.0),
                s(n + 8.0, 140.0),
            ]),
            2.2,
            p.trim,
            1.0,
        );
        canvas.fill(
            &Shape::polygon(&[(0.0, 182.0), (9.0, 195.0), (0.0, 212.0), (-9.0, 195.0)]),
            p.trim,
        );
        canvas.fill(
            &Shape::polygon(&[(0.0, 187.0), (5.0, 195.0), (0.0, 205.0), (-5.0, 195.0)]),
            p.iris,
        );
    }
    if look.has(Extra::Scarf) {
        let scarf = p.lining;
        let n = h.neck;
        let end = Shape::closed(&[
            c(14.0, 160.0),
            c(54.0, 150.0),
            s(70.0, 230.0),
            c(66.0, 300.0),
            c(24.0, 306.0),
            s(26.0, 230.0),
        ]);
        canvas.fill(&end, scarf.darker(0.06));
        for i in 0..5 {
            let x = 28.0 + 9.0 * f64::from(i);
            canvas.stroke(
                &Shape::line(&[(x, 302.0), (x + 1.0, 318.0)]),
                3.2,
                scarf.darker(0.06),
            );
        }
        canvas.fill(
            &Shape::polygon(&[(23.0, 268.0), (69.0, 262.0), (68.0, 276.0), (23.0, 282.0)]),
            p.cloth.base,
        );
        let wrap = mirror(&[
            s(0.0, 112.0),
            s(n + 4.0, 100.0),
            s(n + 26.0, 122.0),
            s(n + 30.0, 160.0),
            s(0.0, 184.0),
        ]);
        let wrap = Shape::closed(&wrap);
        canvas.fill(&wrap, scarf);
        canvas.grain(
            &wrap,
            scarf.darker(0.12),
            fade((n + 30.0, 170.0), (-n, 110.0), 0.9),
        );
        canvas.trace(
            &Shape::open(&[s(-n - 24.0, 134.0), s(-10.0, 152.0), s(n + 16.0, 136.0)]),
            2.6,
            scarf.darker(0.12),
            1.0,
        );
        canvas.trace(
            &Shape::open(&[s(-n - 18.0, 154.0), s(4.0, 168.0), s(n + 24.0, 150.0)]),
            2.6,
            scarf.darker(0.12),
            1.0,
        );
    }
}

/// What is worn on the head, over the hair.
pub(super) fn on_head(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let cloth = p.cloth;
    let dx = h.turn * 0.5;
    if look.has(Extra::WitchHat) {
        let cone = Shape::closed(&[
            c(-70.0, -72.0),
            s(-44.0, -130.0),
            s(-10.0, -190.0),
            c(62.0, -236.0),
            s(40.0, -186.0),
            s(48.0, -130.0),
            c(72.0, -72.0),
            s(0.0, -60.0),
        ]);
        canvas.fill(&cone, cloth.base);
        canvas.grain(
            &cone,
            cloth.shade,
            fade((70.0, -80.0), (-50.0, -140.0), 0.9),
        );
        let band = Shape::closed(&[
            c(-66.0, -84.0),
            s(0.0, -70.0),
            c(68.0, -84.0),
            c(61.0, -106.0),
            s(0.0, -93.0),
            c(-58.0, -106.0),
        ]);
        canvas.fill(&band, p.lining);
        canvas.stroke(&Shape::rect(-13.0 + dx, -98.0, 24.0, 20.0), 4.0, p.trim);
        let brim = Shape::closed(&[
            s(-150.0, -52.0),
            s(-80.0, -76.0),
            s(0.0, -74.0),
            s(80.0, -76.0),
            s(150.0, -56.0),
            s(84.0, -42.0),
            s(0.0, -50.0),
            s(-84.0, -40.0),
        ]);
        canvas.fill(&brim, cloth.base.lighter(0.03));
        canvas.grain(
            &brim,
            cloth.shade,
            fade((140.0, -50.0), (-60.0, -60.0), 0.9),
        );
    }
    if look.has(Extra::BrimHat) {
        let crown = Shape::closed(&[
            c(-68.0, -78.0),
            s(-66.0, -120.0),
            s(-52.0, -152.0),
            s(-14.0, -148.0),
            s(8.0, -154.0),
            s(50.0, -154.0),
            s(66.0, -118.0),
            c(68.0, -78.0),
        ]);
        canvas.fill(&crown, cloth.base);
        canvas.grain(
            &crown,
            cloth.shade,
            fade((70.0, -80.0), (-40.0, -140.0), 0.9),
        );
        canvas.fill(
            &Shape::closed(&[
                c(-69.0, -72.0),
                s(0.0, -84.0),
                c(69.0, -72.0),
                c(68.0, -100.0),
                s(0.0, -108.0),
                c(-68.0, -100.0),
            ]),
            p.lining,
        );
        let brim = Shape::closed(&[
            s(-118.0, -62.0),
            s(-60.0, -82.0),
            s(0.0, -86.0),
            s(60.0, -82.0),
            s(118.0, -66.0),
            s(70.0, -54.0),
            s(0.0, -66.0),
            s(-70.0, -52.0),
        ]);
        canvas.fill(&brim, cloth.base.lighter(0.03));
        canvas.grain(
            &brim,
            cloth.shade,
            fade((116.0, -60.0), (-60.0, -60.0), 0.9),
        );
    }
    if look.has(Extra::Beret) {
        let beret = Shape::closed(&[
            c(-66.0, -78.0),
            s(-98.0, -106.0),
            s(-78.0, -142.0),
            s(-10.0, -150.0),
            s(58.0, -126.0),
            c(68.0, -76.0),
            s(0.0, -90.0),
        ]);
        canvas.fill(&beret, p.lining.apart(p.hair.base, 0.2));
        canvas.grain(
            &beret,
            p.lining.apart(p.hair.base, 0.2).darker(0.12),
            fade((60.0, -80.0), (-50.0, -140.0), 0.9),
        );
        canvas.stroke(
            &Shape::line(&[(-16.0, -148.0), (-12.0, -160.0)]),
            4.0,
            p.ink,
        );
    }
    if look.has(Extra::Crown) {
        let gold = lch(0.82, 0.13, 86.0).apart(p.disc, 0.14);
        let crown = Shape::polygon(&[
            (-60.0, -84.0),
            (-70.0, -146.0),
            (-40.0, -116.0),
            (-26.0, -158.0),
            (0.0, -120.0),
            (26.0, -158.0),
            (40.0, -116.0),
            (70.0, -146.0),
            (60.0, -84.0),
            (0.0, -94.0),
        ]);
        canvas.fill(&crown, gold);
        canvas.grain(
            &crown,
            gold.darker(0.14),
            fade((66.0, -90.0), (-50.0, -120.0), 0.9),
        );
        for (x, y) in [
            (-70.0, -148.0),
            (-26.0, -160.0),
            (26.0, -160.0),
            (70.0, -148.0),
        ] {
            canvas.fill(&Shape::circle(x, y, 6.0), p.paper);
        }
        for x in [-34.0, 0.0, 34.0] {
            canvas.fill(&Shape::circle(x, -102.0, 6.0), p.lip);
        }
    }
    if look.has(Extra::Circlet) {
        let band = [
            s(-65.0, -46.0),
            s(-40.0, -66.0),
            s(0.0, -72.0),
            s(40.0, -66.0),
            s(65.0, -46.0),
        ];
        canvas.trace(&h.line(&band), 4.0, p.trim, 1.0);
        let x = h.across(0.0);
        canvas.fill(
            &Shape::polygon(&[(x, -86.0), (x + 9.0, -71.0), (x, -54.0), (x - 9.0, -71.0)]),
            p.trim,
        );
        canvas.fill(
            &Shape::polygon(&[(x, -80.0), (x + 5.0, -71.0), (x, -60.0), (x - 5.0, -71.0)]),
            p.iris,
        );
    }
    if look.has(Extra::Headphones) {
        let band = [
            s(-78.0, -6.0),
            s(-72.0, -80.0),
            s(0.0, -130.0),
            s(72.0, -80.0),
            s(78.0, -6.0),
        ];
        canvas.stroke(&Shape::open(&band), 10.0, p.ink);
        canvas.stroke(&Shape::open(&band), 3.0, p.trim);
        for side in [-1.0, 1.0] {
            canvas.fill(&Shape::ellipse(side * 76.0, 4.0, 16.0, 27.0), p.ink);
            canvas.fill(&Shape::ellipse(side * 79.0, 4.0, 10.0, 20.0), p.trim);
        }
    }
    if look.has(Extra::Goggles) {
        let strap = [
            s(-73.0, -56.0),
            s(-40.0, -74.0),
            s(0.0, -80.0),
            s(40.0, -74.0),
            s(73.0, -56.0),
        ];
        canvas.trace(&h.line(&strap), 13.0, p.ink.lighter(0.08), 1.0);
        for side in [-1.0, 1.0] {
            let x = h.across(side * 27.0);
            canvas.fill(&Shape::ellipse(x, -78.0, 25.0, 22.0), p.trim);
            canvas.fill(&Shape::ellipse(x, -78.0, 18.0, 15.5), p.iris.darker(0.12));
            canvas.fill(
                &Shape::taper(
                    &[s(x - 11.0, -76.0), s(x - 4.0, -88.0), s(x + 6.0, -89.0)],
                    5.0,
                    1.5,
                ),
                p.paper,
            );
        }
    }
    if look.has(Extra::Flower) {
        let petal = p.lip.lighter(0.14).apart(p.hair.base, 0.2);
        let (x, y) = (-58.0, -62.0);
        for (angle, r) in [(200.0, 20.0), (120.0, 17.0)] {
            canvas.placed((x, y), (1.0, 1.0), angle, |canvas| {
                canvas.fill(
                    &Shape::closed(&[c(6.0, 0.0), s(20.0, -9.0), c(r + 20.0, 0.0), s(20.0, 9.0)]),
                    p.near.at(0.50).mix(lch(0.5, 0.1, 150.0), 0.7),
                );
            });
        }
        for i in 0..6 {
            let (sin, cos) = (f64::from(i) * 60.0_f64).to_radians().sin_cos();
            canvas.fill(
                &Shape::circle(x + 12.0 * sin, y - 12.0 * cos, 9.5),
                if i % 2 == 0 {
                    petal
                } else {
                    petal.darker(0.05)
                },
            );
        }
        canvas.fill(&Shape::circle(x, y, 7.0), p.trim);
    }
    if look.has(Extra::Hood) {
        let rim = mirror(&[
            s(0.0, -154.0),
            s(74.0, -128.0),
            s(106.0, -50.0),
            s(106.0, 60.0),
            c(92.0, 178.0),
            s(84.0, 90.0),
            s(86.0, 10.0),
            s(82.0, -56.0),
            s(52.0, -104.0),
            s(0.0, -122.0),
        ]);
        let shape = Shape::closed(&rim);
        canvas.fill(&shape, cloth.base);
        canvas.grain(
            &shape,
            cloth.shade,
            fade((110.0, 120.0), (-60.0, -80.0), 0.9),
        );
        let line = mirror(&[
            s(0.0, -122.0),
            s(52.0, -104.0),
            s(82.0, -56.0),
            s(86.0, 10.0),
            c(84.0, 90.0),
        ]);
        let open: Vec<_> = line
            .iter()
            .skip(line.len() / 2 + 1)
            .chain(line.iter().take(line.len() / 2 + 1))
            .copied()
            .collect();
        canvas.trace(&Shape::open(&open), 3.6, p.trim, 1.0);
    }
}
