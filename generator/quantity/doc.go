// Package quantity holds the numbers that people write with a unit: counts ("5M"), bytes ("500GB") and durations
// ("30d"). They are read strictly from YAML, compare as plain numbers, and are written back in the same notation.
package quantity
