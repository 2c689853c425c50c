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

-- Trigger function: each update of a menu's row counts up its revision, so that what was read under an earlier one is
-- known to be old. The revision is never set by hand.
CREATE OR REPLACE FUNCTION menus_revise() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER menus_menu_revised BEFORE UPDATE ON menus_menu
    FOR EACH ROW EXECUTE FUNCTION menus_revise();

-- Trigger function: a new, changed or deleted item is a new revision of its menu, once a transaction: readers see all of
-- it or nothing. Deferred to the end of the transaction; every editor has locked the menu.
CREATE OR REPLACE FUNCTION menus_item_revised() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE menus_menu m SET revision = m.revision + 1
     WHERE m.id IN (OLD.menu_id, NEW.menu_id) AND m.xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS menus_item_revised ON menus_menuitem;
CREATE CONSTRAINT TRIGGER menus_item_revised AFTER INSERT OR UPDATE OR DELETE ON menus_menuitem
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION menus_item_revised();
