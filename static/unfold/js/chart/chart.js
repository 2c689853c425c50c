// In place of the theme's file of this name, a library of 200 kB that the theme loads on every page of the back office.
// No page has a chart. One that gets a chart names the library, `charts/chart.js`, in its own `extrahead`.
