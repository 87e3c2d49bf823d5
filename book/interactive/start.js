{
  // Stands in the page itself. Nothing else is loaded until the button is pressed.
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
      status.textContent = `It could not be started (${error.message}).`;
      button.removeAttribute("aria-disabled");
    }
  });
}
