"""What small schemas of tests say of values: the class of those that name none, and why sensitive ones are held."""

PLAIN = "plain: {label: {zh: 一般, en: Plain}, purpose: {zh: 经营, en: Business}, basis: need, open: true}"
PLAIN_CLASS = f"class: plain\nclasses: {{{PLAIN}}}\n"
WHY = "purpose: {zh: 经营, en: Business}, basis: need, keep_months: 12"
