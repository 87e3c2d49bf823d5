{
  // Inlined in the page. Nothing else is loaded until the button is pressed.
  const root = document.currentScript.parentElement;
  const [button, status] = [root.querySelector("button"), root.querySelector("[role=status]")];
  button.hidden = false;
  root.querySelector(".interactive-still").remove();
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    status.textContent = "Loading …";
    try {
      const { start } = await import(new URL(root.dataset.module, document.baseURI));
      await start(root);
    } catch (error) {
      // A runtime that failed to load stays failed: a second click could not succeed.
      const advice =
        location.protocol === "file:"
          ? "A page opened from a disk cannot load it: use a web server, such as python -m http.server."
          : "Reload the page to try again.";
      status.textContent = `It could not be started (${error.message}). ${advice}`;
    }
  });
}
