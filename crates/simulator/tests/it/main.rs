//! Stories, faults and properties of the planner, in the simulated world.

mod stories;
