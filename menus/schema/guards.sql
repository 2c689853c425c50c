-- An item carries its menu's type, so that a CHECK can compare columns with it, and a menu with items keeps its type.
ALTER TABLE menus_menuitem
    DROP CONSTRAINT IF EXISTS menus_item_type_of_menu,
    ADD CONSTRAINT menus_item_type_of_menu
    FOREIGN KEY (menu_id, type) REFERENCES menus_menu (id, type) DEFERRABLE INITIALLY DEFERRED;

-- A parent is an item of the same menu, so no item can belong to another performer's item.
ALTER TABLE menus_menuitem
    DROP CONSTRAINT IF EXISTS menus_item_parent_of_menu,
    ADD CONSTRAINT menus_item_parent_of_menu
    FOREIGN KEY (menu_id, parent_id) REFERENCES menus_menuitem (menu_id, id) DEFERRABLE INITIALLY DEFERRED;
