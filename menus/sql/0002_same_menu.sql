-- An item carries its menu's type, so that a CHECK can compare columns with it, and a menu with items keeps its type.
ALTER TABLE menus_menuitem
    ADD CONSTRAINT menus_item_type_of_menu
    FOREIGN KEY (menu_id, type) REFERENCES menus_menu (id, type) DEFERRABLE INITIALLY DEFERRED;

-- A parent is an item of the same menu: no item of one performer can ever hang under another's.
ALTER TABLE menus_menuitem
    ADD CONSTRAINT menus_item_parent_of_menu
    FOREIGN KEY (menu_id, parent_id) REFERENCES menus_menuitem (menu_id, id) DEFERRABLE INITIALLY DEFERRED;
