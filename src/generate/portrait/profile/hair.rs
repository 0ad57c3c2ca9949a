//! Hair from the side.

use super::super::canvas::{Canvas, fade};
use super::super::look::Look;
use super::super::shape::{Knot, Shape, c, s};
use super::super::traits::Cut;

/// Whether the cut leaves the ear to be seen.
pub(super) fn shows_ear(cut: Cut) -> bool {
    !matches!(
        cut,
        Cut::Bob | Cut::Long | Cut::Wavy | Cut::Hime | Cut::Afro | Cut::Curls | Cut::Locs
    )
}

fn mass(canvas: &mut Canvas, look: &Look, knots: &[Knot], strands: &[&[Knot]]) {
    let hair = look.palette.hair;
    let shape = Shape::closed(knots);
    canvas.fill(&shape, hair.base);
    canvas.within(&shape, |canvas| {
        canvas.grain(&shape, hair.shade, fade((-90.0, 60.0), (30.0, -90.0), 0.8));
        for strand in strands {
            canvas.fill(&Shape::taper(strand, 1.0, 4.0), hair.shade);
        }
        let band = [
            s(34.0, -92.0),
            s(8.0, -106.0),
            s(-26.0, -106.0),
            s(-56.0, -88.0),
        ];
        canvas.fill(&Shape::taper(&band, 9.0, 1.5), hair.shine);
    });
}

/// Tails, buns and falls that pass behind the shoulders.
pub(super) fn behind(canvas: &mut Canvas, look: &Look) {
    let hair = look.palette.hair;
    let shade = |canvas: &mut Canvas, knots: &[Knot]| {
        let shape = Shape::closed(knots);
        canvas.fill(&shape, hair.shade);
        canvas.grain(
            &shape,
            hair.base,
            fade((-120.0, -60.0), (-70.0, 140.0), 0.7),
        );
    };
    match look.cut {
        Cut::Ponytail => shade(
            canvas,
            &[
                c(-70.0, -96.0),
                s(-120.0, -104.0),
                s(-154.0, -40.0),
                s(-140.0, 50.0),
                c(-156.0, 130.0),
                s(-112.0, 80.0),
                s(-104.0, 10.0),
                c(-86.0, -50.0),
            ],
        ),
        Cut::Long | Cut::Hime => shade(
            canvas,
            &[
                c(-20.0, -60.0),
                s(-104.0, -40.0),
                s(-112.0, 60.0),
                s(-114.0, 160.0),
                c(-92.0, 250.0),
                c(-30.0, 240.0),
                s(-10.0, 120.0),
            ],
        ),
        Cut::Wavy => shade(
            canvas,
            &[
                c(-20.0, -60.0),
                s(-104.0, -50.0),
                s(-122.0, 20.0),
                s(-108.0, 70.0),
                s(-132.0, 130.0),
                s(-116.0, 190.0),
                c(-128.0, 250.0),
                s(-60.0, 236.0),
                s(-10.0, 120.0),
            ],
        ),
        Cut::Locs => {
            for i in 0..6 {
                let x = -98.0 + 17.0 * f64::from(i);
                canvas.stroke(
                    &Shape::open(&[
                        s(x, -40.0),
                        s(x - 6.0, 60.0),
                        s(x - 10.0, 150.0 + 20.0 * f64::from(i % 3)),
                    ]),
                    17.0,
                    hair.shade,
                );
            }
        }
        _ => {}
    }
}

const CAP: [Knot; 14] = [
    c(52.0, -88.0),
    s(30.0, -70.0),
    s(25.0, -42.0),
    c(10.0, 10.0),
    s(2.0, -16.0),
    s(-18.0, -22.0),
    s(-32.0, -6.0),
    s(-34.0, 26.0),
    c(-52.0, 56.0),
    s(-82.0, 26.0),
    s(-101.0, -26.0),
    s(-92.0, -88.0),
    s(-44.0, -123.0),
    s(18.0, -120.0),
];

/// Everything in front of the head.
pub(super) fn draw(canvas: &mut Canvas, look: &Look) {
    let hair = look.palette.hair;
    let combed: [&[Knot]; 3] = [
        &[
            s(40.0, -98.0),
            s(-4.0, -86.0),
            s(-50.0, -50.0),
            s(-70.0, 0.0),
        ],
        &[s(34.0, -84.0), s(0.0, -62.0), s(-36.0, -34.0)],
        &[s(20.0, -112.0), s(-40.0, -100.0), s(-82.0, -50.0)],
    ];
    match look.cut {
        Cut::Bald => {}
        Cut::Afro => {
            let mut dice = look.dice("cloud");
            let mut parts = vec![Shape::ellipse(-26.0, -54.0, 84.0, 84.0)];
            for i in 0..12 {
                let angle = (-186.0 + 20.5 * f64::from(i)).to_radians();
                parts.push(Shape::circle(
                    -28.0 + 84.0 * angle.sin(),
                    -58.0 - 84.0 * angle.cos(),
                    dice.range(26.0, 33.0),
                ));
            }
            let around = Shape::closed(&[
                c(54.0, -78.0),
                s(34.0, -64.0),
                s(26.0, -36.0),
                c(12.0, 8.0),
                s(-10.0, 30.0),
                c(-40.0, 60.0),
                c(-220.0, 80.0),
                c(-220.0, -260.0),
                c(140.0, -260.0),
                c(110.0, -80.0),
            ]);
            canvas.within(&around, |canvas| {
                let all = Shape::group(&parts);
                canvas.fill(&all, hair.base);
                canvas.grain(&all, hair.shade, fade((-110.0, 30.0), (20.0, -140.0), 0.9));
                for _ in 0..22 {
                    let angle = dice.range(-170.0, 40.0_f64).to_radians();
                    let r = dice.range(30.0, 98.0);
                    let (x, y) = (-28.0 + r * angle.sin(), -58.0 - r * angle.cos());
                    canvas.trace(
                        &Shape::open(&[
                            s(x - 5.0, y + 2.0),
                            s(x - 1.0, y - 5.0),
                            s(x + 5.0, y - 1.0),
                            s(x + 2.0, y + 4.0),
                        ]),
                        2.2,
                        hair.shade,
                        1.0,
                    );
                }
            });
        }
        Cut::Curls => {
            let mut dice = look.dice("curls");
            for (i, (x, y)) in [
                (-40.0, 66.0),
                (-74.0, 48.0),
                (-92.0, 8.0),
                (-98.0, -34.0),
                (-86.0, -78.0),
                (-52.0, -108.0),
                (-12.0, -116.0),
                (26.0, -108.0),
                (46.0, -86.0),
                (20.0, -72.0),
                (6.0, -40.0),
                (-14.0, -70.0),
                (-50.0, -66.0),
                (-60.0, -22.0),
                (-20.0, -24.0),
                (-52.0, 22.0),
                (-16.0, 16.0),
                (-22.0, 46.0),
            ]
            .into_iter()
            .enumerate()
            {
                let r = dice.range(21.0, 27.0);
                let circle = Shape::circle(x, y, r);
                canvas.fill(&circle, hair.base);
                canvas.grain(
                    &circle,
                    hair.shade,
                    fade((x - r, y + r), (x + r * 0.3, y - r * 0.5), 0.95),
                );
                let k = r * 0.5;
                canvas.trace(
                    &Shape::open(&[
                        s(x - k, y + k * 0.3),
                        s(x - k * 0.4, y - k * 0.9),
                        s(x + k * 0.7, y - k * 0.5),
                        s(x + k * 0.5, y + k * 0.5),
                    ]),
                    2.2,
                    if i % 5 == 0 { hair.shine } else { hair.shade },
                    1.0,
                );
            }
        }
        Cut::Bob => mass(
            canvas,
            look,
            &[
                c(56.0, -84.0),
                s(44.0, -48.0),
                s(20.0, -10.0),
                s(20.0, 40.0),
                c(34.0, 88.0),
                s(-20.0, 104.0),
                c(-66.0, 92.0),
                s(-100.0, 40.0),
                s(-108.0, -30.0),
                s(-94.0, -94.0),
                s(-42.0, -128.0),
                s(22.0, -122.0),
            ],
            &[
                &[s(40.0, -96.0), s(0.0, -70.0), s(-10.0, 0.0), s(2.0, 84.0)],
                &[
                    s(10.0, -112.0),
                    s(-50.0, -80.0),
                    s(-60.0, 0.0),
                    s(-40.0, 88.0),
                ],
            ],
        ),
        Cut::Hime => mass(
            canvas,
            look,
            &[
                c(70.0, -38.0),
                c(30.0, -30.0),
                c(26.0, 84.0),
                c(-6.0, 84.0),
                s(-16.0, 160.0),
                c(-32.0, 258.0),
                c(-106.0, 266.0),
                s(-114.0, 120.0),
                s(-108.0, -10.0),
                s(-96.0, -92.0),
                s(-42.0, -127.0),
                s(30.0, -120.0),
                s(64.0, -84.0),
            ],
            &[
                &[s(30.0, -110.0), s(44.0, -80.0), s(46.0, -40.0)],
                &[
                    s(-10.0, -110.0),
                    s(-50.0, -40.0),
                    s(-56.0, 80.0),
                    s(-60.0, 240.0),
                ],
            ],
        ),
        Cut::Long => mass(
            canvas,
            look,
            &[
                c(52.0, -88.0),
                s(32.0, -56.0),
                s(10.0, -10.0),
                s(6.0, 50.0),
                s(-4.0, 130.0),
                s(-16.0, 200.0),
                c(-48.0, 262.0),
                s(-66.0, 236.0),
                c(-92.0, 272.0),
                s(-112.0, 200.0),
                s(-114.0, 120.0),
                s(-108.0, -10.0),
                s(-96.0, -92.0),
                s(-42.0, -128.0),
                s(20.0, -122.0),
            ],
            &[
                &[
                    s(34.0, -98.0),
                    s(-4.0, -50.0),
                    s(-16.0, 40.0),
                    s(-30.0, 180.0),
                ],
                &[
                    s(0.0, -112.0),
                    s(-56.0, -60.0),
                    s(-66.0, 60.0),
                    s(-70.0, 240.0),
                ],
            ],
        ),
        Cut::Wavy => mass(
            canvas,
            look,
            &[
                c(52.0, -88.0),
                s(36.0, -54.0),
                s(6.0, -20.0),
                s(14.0, 30.0),
                s(-8.0, 80.0),
                s(4.0, 130.0),
                s(-24.0, 180.0),
                c(-14.0, 232.0),
                s(-60.0, 226.0),
                c(-112.0, 246.0),
                s(-104.0, 190.0),
                s(-126.0, 140.0),
                s(-104.0, 80.0),
                s(-120.0, 20.0),
                s(-104.0, -40.0),
                s(-94.0, -94.0),
                s(-42.0, -128.0),
                s(20.0, -122.0),
            ],
            &[
                &[
                    s(34.0, -98.0),
                    s(-2.0, -50.0),
                    s(-14.0, 20.0),
                    s(-30.0, 80.0),
                    s(-20.0, 150.0),
                ],
                &[
                    s(0.0, -112.0),
                    s(-56.0, -60.0),
                    s(-74.0, 30.0),
                    s(-58.0, 100.0),
                    s(-76.0, 200.0),
                ],
            ],
        ),
        Cut::Locs => {
            mass(canvas, look, &CAP, &combed);
            for i in 0..5 {
                let t = f64::from(i);
                let lock = [
                    s(10.0 - 22.0 * t, -96.0 - 3.0 * t),
                    s(-4.0 - 20.0 * t, -30.0),
                    s(-8.0 - 19.0 * t, 40.0),
                    s(-12.0 - 18.0 * t, 96.0 + 14.0 * t),
                ];
                canvas.stroke(
                    &Shape::open(&lock),
                    17.0,
                    if i % 2 == 0 { hair.base } else { hair.shade },
                );
                canvas.stroke(
                    &Shape::line(&[
                        (-18.0 - 18.5 * t, 66.0 + 10.0 * t),
                        (-6.0 - 18.5 * t, 66.0 + 10.0 * t),
                    ]),
                    4.0,
                    look.palette.trim,
                );
            }
        }
        Cut::Bun => {
            let bun = Shape::circle(-100.0, -72.0, 37.0);
            canvas.fill(&bun, hair.base);
            canvas.grain(
                &bun,
                hair.shade,
                fade((-70.0, -40.0), (-120.0, -100.0), 0.9),
            );
            for r in [12.0, 24.0] {
                canvas.trace(&Shape::circle(-98.0, -70.0, r), 2.2, hair.shade, 1.0);
            }
            mass(
                canvas,
                look,
                &CAP,
                &[
                    &[s(40.0, -96.0), s(-10.0, -92.0), s(-66.0, -76.0)],
                    &[s(26.0, -64.0), s(-20.0, -58.0), s(-72.0, -64.0)],
                    &[s(-36.0, 20.0), s(-66.0, -10.0), s(-84.0, -48.0)],
                ],
            );
        }
        Cut::Ponytail => {
            mass(
                canvas,
                look,
                &CAP,
                &[
                    &[s(40.0, -96.0), s(-10.0, -96.0), s(-66.0, -84.0)],
                    &[s(26.0, -64.0), s(-20.0, -62.0), s(-72.0, -72.0)],
                    &[s(-36.0, 20.0), s(-66.0, -10.0), s(-80.0, -56.0)],
                ],
            );
            canvas.fill(&Shape::ellipse(-88.0, -74.0, 9.0, 20.0), look.palette.trim);
        }
        Cut::Braid => {
            let (mut x, mut y, mut size) = (-66.0, 46.0, 19.0);
            for _ in 0..9 {
                for (dx, angle) in [(-0.42, 28.0), (0.42, -28.0)] {
                    canvas.placed((x + dx * size, y), (1.0, 1.0), angle, |canvas| {
                        canvas.fill(
                            &Shape::ellipse(0.0, 0.0, size * 0.62, size * 0.95),
                            if dx < 0.0 { hair.base } else { hair.shade },
                        );
                    });
                }
                y += size * 1.22;
                x += 1.5;
                size *= 0.965;
            }
            canvas.fill(
                &Shape::rect(x - 10.0, y - 8.0, 20.0, 8.0),
                look.palette.trim,
            );
            canvas.fill(
                &Shape::closed(&[
                    c(x - 8.0, y),
                    s(x - 12.0, y + 20.0),
                    c(x - 2.0, y + 40.0),
                    s(x + 9.0, y + 20.0),
                    c(x + 7.0, y),
                ]),
                hair.base,
            );
            mass(canvas, look, &CAP, &combed);
        }
        Cut::Quiff => {
            let mut knots = CAP.to_vec();
            knots[0] = c(56.0, -84.0);
            knots.truncate(12);
            knots.extend([
                s(-50.0, -124.0),
                s(0.0, -136.0),
                s(44.0, -148.0),
                c(82.0, -134.0),
                s(74.0, -106.0),
            ]);
            mass(
                canvas,
                look,
                &knots,
                &[
                    &[
                        s(70.0, -124.0),
                        s(30.0, -118.0),
                        s(-20.0, -100.0),
                        s(-66.0, -60.0),
                    ],
                    &[s(56.0, -100.0), s(20.0, -92.0), s(-20.0, -66.0)],
                ],
            );
        }
        Cut::Tousled | Cut::Pixie => {
            let mut knots = CAP.to_vec();
            knots.truncate(9);
            knots[0] = c(74.0, -46.0);
            knots[1] = s(52.0, -62.0);
            knots[2] = s(28.0, -46.0);
            if look.cut == Cut::Pixie {
                knots.extend([
                    s(-84.0, 26.0),
                    s(-104.0, -26.0),
                    s(-94.0, -90.0),
                    s(-44.0, -128.0),
                    s(18.0, -126.0),
                    s(58.0, -96.0),
                ]);
            } else {
                knots.extend([
                    s(-76.0, 36.0),
                    c(-104.0, 30.0),
                    s(-98.0, -6.0),
                    c(-124.0, -22.0),
                    s(-102.0, -52.0),
                    c(-118.0, -84.0),
                    s(-84.0, -92.0),
                    c(-78.0, -126.0),
                    s(-48.0, -118.0),
                    c(-32.0, -146.0),
                    s(-6.0, -122.0),
                    c(22.0, -146.0),
                    s(36.0, -116.0),
                    c(70.0, -120.0),
                    s(64.0, -84.0),
                ]);
            }
            mass(
                canvas,
                look,
                &knots,
                &[
                    &[s(-6.0, -112.0), s(36.0, -96.0), s(62.0, -56.0)],
                    &[s(-20.0, -110.0), s(-60.0, -70.0), s(-74.0, -10.0)],
                    &[s(0.0, -98.0), s(20.0, -76.0), s(26.0, -50.0)],
                ],
            );
        }
        Cut::Mohawk => {
            let shape = Shape::closed(&CAP);
            canvas.fill(&shape, hair.shade.mix(look.palette.skin.base, 0.45));
            canvas.grain(&shape, hair.shade, fade((-30.0, 0.0), (-30.0, -130.0), 0.8));
            mass(
                canvas,
                look,
                &[
                    c(56.0, -86.0),
                    s(60.0, -120.0),
                    c(84.0, -140.0),
                    s(44.0, -146.0),
                    c(44.0, -172.0),
                    s(6.0, -154.0),
                    c(-12.0, -180.0),
                    s(-36.0, -152.0),
                    c(-68.0, -166.0),
                    s(-78.0, -124.0),
                    c(-118.0, -116.0),
                    s(-104.0, -74.0),
                    c(-106.0, -30.0),
                    s(-84.0, -60.0),
                    s(-50.0, -92.0),
                    s(0.0, -100.0),
                ],
                &[],
            );
        }
        Cut::Cropped | Cut::SidePart | Cut::Slick => mass(
            canvas,
            look,
            &CAP,
            if look.cut == Cut::Cropped {
                &[]
            } else {
                &combed
            },
        ),
    }
}
