"""The addresses of the pages, a module for each subject; `xxxchat.pages.urls` composes them."""
