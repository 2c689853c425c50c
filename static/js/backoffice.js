// Names for screen readers of what the theme leaves without: Select2's fields, scrolled regions, the column of a
// table's buttons.
(() => {
  "use strict";

  const REGIONS = { "nav-sidebar-apps": "Sidebar" };

  const nameOf = (field) => {
    const label = field.id ? document.querySelector(`label[for="${CSS.escape(field.id)}"]`) : null;
    return (field.getAttribute("aria-label") || (label ? label.textContent : "")).replace("*", "").trim();
  };

  const nameField = (field) => {
    const text = nameOf(field);
    if (!text || !field.parentElement) {
      return;
    }
    field.parentElement.querySelectorAll(".select2-selection, .select2-selection__rendered").forEach((shown) => {
      shown.setAttribute("aria-label", text);
    });
  };

  const nameRegion = (region) => {
    const owner = region.closest("[data-simplebar]");
    region.setAttribute("aria-label", (owner && REGIONS[owner.id]) || "Table");
  };

  const nameHeader = (header) => {
    if (!header.textContent.trim()) {
      const text = document.createElement("span");
      text.className = "office-hidden";
      text.textContent = "Remove";
      header.append(text);
    }
  };

  const nameAll = () => {
    document.querySelectorAll("select.select2-hidden-accessible").forEach(nameField);
    document.querySelectorAll(".simplebar-content-wrapper[role=region]").forEach(nameRegion);
    document.querySelectorAll(".inline-related thead th").forEach(nameHeader);
  };

  document.addEventListener("DOMContentLoaded", () => {
    nameAll();
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
  });
})();
