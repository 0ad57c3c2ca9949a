//! Colours in OKLCH, where equal steps of lightness look equal, so that palettes can be reasoned about.
//!
//! Conversion after Björn Ottosson, "A perceptual color space for image processing" (2020). Colours outside sRGB lose
//! chroma until they fit and keep lightness and hue.

/// A colour: `l` lightness 0 to 1, `c` chroma 0 to about 0.3, `h` hue in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour {
    pub(super) l: f64,
    pub(super) c: f64,
    pub(super) h: f64,
}

/// Shorthand for [`Colour`].
pub(super) const fn lch(l: f64, c: f64, h: f64) -> Colour {
    Colour { l, c, h }
}

impl Colour {
    /// The colour `by` lighter (darker where negative).
    pub(super) fn lighter(self, by: f64) -> Self {
        Self {
            l: (self.l + by).clamp(0.04, 0.99),
            ..self
        }
    }

    /// The colour `by` darker.
    pub(super) fn darker(self, by: f64) -> Self {
        self.lighter(-by)
    }

    /// The colour with its chroma multiplied.
    pub(super) fn vivid(self, by: f64) -> Self {
        Self {
            c: self.c * by,
            ..self
        }
    }

    /// The colour with its hue turned by `degrees`.
    pub(super) fn turned(self, degrees: f64) -> Self {
        Self {
            h: (self.h + degrees).rem_euclid(360.0),
            ..self
        }
    }

    /// The colour with another lightness.
    pub(super) fn at(self, l: f64) -> Self {
        Self { l, ..self }
    }

    /// `self` moved towards `other` by `t` (0 to 1), in a straight line through OKLab.
    pub(super) fn mix(self, other: Self, t: f64) -> Self {
        let ([l0, a0, b0], [l1, a1, b1]) = (self.lab(), other.lab());
        let (l, a, b) = (l0 + (l1 - l0) * t, a0 + (a1 - a0) * t, b0 + (b1 - b0) * t);
        Self {
            l,
            c: a.hypot(b),
            h: b.atan2(a).to_degrees().rem_euclid(360.0),
        }
    }

    /// How different two colours look: 0 for equal ones, 1 from black to white. Lightness counts most, because that is
    /// what a thumbnail keeps.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let ([l0, a0, b0], [l1, a1, b1]) = (self.lab(), other.lab());
        ((l0 - l1).powi(2) + 0.7 * ((a0 - a1).powi(2) + (b0 - b1).powi(2))).sqrt()
    }

    /// This colour, moved in lightness until it stands out from `other` by at least `gap`.
    pub(super) fn apart(self, other: Self, gap: f64) -> Self {
        if self.contrast(other) >= gap {
            return self;
        }
        let (up, down) = (other.l + gap, other.l - gap);
        let prefers_up = self.l >= other.l;
        if (prefers_up && up <= 0.95) || down < 0.14 {
            self.at(up.min(0.97))
        } else {
            self.at(down.max(0.1))
        }
    }

    fn lab(self) -> [f64; 3] {
        let (sin, cos) = self.h.to_radians().sin_cos();
        [self.l, self.c * cos, self.c * sin]
    }

    /// The nearest sRGB colour of the same lightness and hue.
    pub(super) fn rgb(self) -> [u8; 3] {
        let mut colour = self;
        for _ in 0..40 {
            let linear = colour.linear();
            if linear.iter().all(|v| (-0.0005..=1.0005).contains(v)) {
                break;
            }
            colour.c *= 0.94;
        }
        colour.linear().map(|v| {
            let v = v.clamp(0.0, 1.0);
            let encoded = if v <= 0.003_130_8 {
                12.92 * v
            } else {
                1.055 * v.powf(1.0 / 2.4) - 0.055
            };
            (encoded * 255.0).round() as u8
        })
    }

    fn linear(self) -> [f64; 3] {
        let [l, a, b] = self.lab();
        let long = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let middle = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let short = (l - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        [
            4.076_741_662_1 * long - 3.307_711_591_3 * middle + 0.230_969_929_2 * short,
            -1.268_438_004_6 * long + 2.609_757_401_1 * middle - 0.341_319_396_5 * short,
            -0.004_196_086_3 * long - 0.703_418_614_7 * middle + 1.707_614_701_0 * short,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries_come_out_as_srgb_names_them() {
        assert_eq!(lch(1.0, 0.0, 0.0).rgb(), [255, 255, 255]);
        assert_eq!(lch(0.0, 0.0, 0.0).rgb(), [0, 0, 0]);
        assert_eq!(lch(0.627_955, 0.257_683, 29.2339).rgb(), [255, 0, 0]);
        assert_eq!(lch(0.452_014, 0.313_214, 264.052).rgb(), [0, 0, 255]);
    }

    #[test]
    fn colours_outside_srgb_keep_their_lightness() {
        let [r, g, b] = lch(0.5, 0.4, 150.0).rgb();
        assert!(g > r && g > b, "still green: {r} {g} {b}");
        assert!(g < 160, "not brightened: {g}");
    }
}
